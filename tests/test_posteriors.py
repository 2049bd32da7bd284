"""Posteriors and priors beyond the diagonal normal, against dense oracles; what a context does; a VampPrior."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

import vaejax as vj
from vaejax import divergences
from vaejax.errors import VaejaxError
from vaejax.families import narrowed
from vaejax.posteriors._full_normal import factor_of

KEY = jax.random.key(0)
NUM = 3
POSTERIORS = {
    "normal": vj.posteriors.normal,
    "full_normal": functools.partial(vj.posteriors.full_normal, 5),
    "low_rank_normal": functools.partial(vj.posteriors.low_rank_normal, 2),
    "iaf": functools.partial(vj.posteriors.iaf, 3, 4),
    "von_mises_fisher": vj.posteriors.von_mises_fisher,
    "planar": vj.posteriors.planar,
}
each = pytest.mark.parametrize("name", POSTERIORS)


def stats_of(family, num=NUM, key=KEY):
    return 0.6 * jax.random.normal(key, (family.num_stats, num)) - 0.1


def params_of(family, num=NUM):
    return jax.tree.map(lambda a: 1.5 * a + 0.1, family.init(jax.random.key(1), (num,)))


def covariance(name, stats):
    if name == "full_normal":
        return factor_of(stats) @ factor_of(stats).T
    return jnp.diag(jnp.exp(2 * stats[1])) + stats[2:].T @ stats[2:]


@pytest.mark.parametrize("name", ["full_normal", "low_rank_normal"])
def test_it_is_the_normal_of_its_covariance(name, float64):
    family = POSTERIORS[name]()
    stats, z = stats_of(family), jnp.array([0.3, -1.0, 0.7])
    oracle = scipy.stats.multivariate_normal(stats[0], covariance(name, stats))
    assert family.log_prob((), stats, z).item() == pytest.approx(oracle.logpdf(z), abs=1e-10)
    draws = jax.vmap(lambda key: family.sample(key, (), stats)[0])(jax.random.split(KEY, 40_000))
    np.testing.assert_allclose(np.cov(draws.T), oracle.cov, atol=0.05)


@pytest.mark.parametrize("name", ["normal", "full_normal", "low_rank_normal"])
def test_the_closed_form_is_the_kl_of_two_normals(name, float64):
    family = POSTERIORS[name]()
    stats = stats_of(family)
    mean, cov = stats[0], jnp.diag(jnp.exp(2 * stats[1])) if name == "normal" else covariance(name, stats)
    wanted = 0.5 * (jnp.trace(cov) + mean @ mean - NUM - jnp.linalg.slogdet(cov)[1])
    row = divergences.closed_form(family, vj.priors.standard_normal())
    assert jnp.sum(row((), stats, (), jnp.zeros((0, NUM)), jnp.ones(NUM))).item() == pytest.approx(
        wanted.item(), abs=1e-10
    )


def test_the_kl_of_two_diagonal_normals_is_that_of_quadrature(float64):
    q, p = stats_of(vj.posteriors.normal()), stats_of(vj.posteriors.normal(), key=jax.random.key(5))
    found = divergences.normal_to_normal((), q, (), p, jnp.ones(NUM))
    z = np.linspace(-40, 40, 400_001)
    for index in range(NUM):
        log_q, log_p = (scipy.stats.norm(s[0, index], np.exp(s[1, index])).logpdf(z) for s in (q, p))
        wanted = np.sum(np.exp(log_q) * (log_q - log_p)) * (z[1] - z[0])
        assert found[index].item() == pytest.approx(wanted, abs=1e-8)


every_pair = pytest.mark.parametrize("pair", divergences.CLOSED_FORMS, ids="-".join)


def pair_of(pair):
    """The two families of a closed form, and stats of each."""
    made = {"full_normal": functools.partial(vj.posteriors.full_normal, 5)}
    make = [made.get(name) or getattr(vj.posteriors, name, None) or getattr(vj.priors, name) for name in pair]
    q, p = (one() for one in make)
    keys = jax.random.split(KEY)
    return (q, p), *(
        0.5 * jax.random.normal(key, (f.num_stats, NUM, *f.unit_shape)) for key, f in zip(keys, (q, p), strict=True)
    )


@every_pair
def test_a_closed_form_is_the_mean_of_log_q_minus_log_p(pair, float64):
    """Within 4.5 standard errors over 20,000 draws, which are below a tenth of it."""
    (family, prior), q, p = pair_of(pair)
    wanted = jnp.sum(divergences.CLOSED_FORMS[pair]((), q, (), p, jnp.ones(q.shape[1:])))

    def one(key):
        z, log_q = family.sample(key, (), q)
        return jnp.sum(log_q) - jnp.sum(prior.log_prob((), p, z))

    found = np.asarray(jax.jit(jax.vmap(one))(jax.random.split(KEY, 20_000)))
    error = float(found.std()) / np.sqrt(len(found))
    assert error < 0.1 * wanted
    assert float(found.mean()) == pytest.approx(float(wanted), abs=4.5 * error)


@every_pair
def test_a_latent_whose_stats_are_zero_adds_nothing_to_a_closed_form(pair, float64):
    _, q, p = pair_of(pair)
    row, active = divergences.CLOSED_FORMS[pair], jnp.ones(q.shape[1:])
    wide_q, wide_p, wide = (jnp.pad(a, ((0, 0), (0, 2), *[(0, 0)] * (a.ndim - 2))) for a in (q, p, active[None]))
    whole, narrow = jnp.sum(row((), wide_q, (), wide_p, wide[0])), jnp.sum(row((), q, (), p, active))
    assert whole.item() == pytest.approx(narrow.item(), rel=1e-12)


@each
def test_masked_it_is_the_smaller_one(name, float64):
    family, active = POSTERIORS[name](), jnp.array([1.0, 1.0, 0.0, 0.0])
    wide = narrowed(family, active)
    params, small = wide.init(KEY, (4,)), family.init(KEY, (2,))
    for path, leaf in jax.tree_util.tree_leaves_with_path(small):
        whole = functools.reduce(lambda tree, entry: tree[entry.key], path, params)
        np.testing.assert_allclose(whole[tuple(slice(n) for n in leaf.shape)], leaf, rtol=1e-12)
    stats = stats_of(family, 4)

    def cost(stats, family, params):
        z, log_q = family.sample(jax.random.key(3), params, stats)
        return jnp.sum(log_q) + jnp.sum(family.log_prob(params, stats, 0.3 + z * 0.5)), z

    (whole, z), slope = jax.value_and_grad(cost, has_aux=True)(stats, wide, params)
    (narrow, small_z), small_slope = jax.value_and_grad(cost, has_aux=True)(stats[:, :2], family, small)
    assert whole.item() == pytest.approx(narrow.item(), rel=1e-12)
    np.testing.assert_allclose(z, jnp.pad(small_z, (0, 2)), rtol=1e-12)
    np.testing.assert_allclose(slope[:, :2], small_slope, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(slope[:, 2:], 0)


def test_the_flow_costs_the_log_determinant_of_its_jacobian(float64):
    family = POSTERIORS["iaf"]()
    params, stats = params_of(family), stats_of(family)
    z, log_q = family.sample(KEY, params, stats)
    start = stats[0] + jnp.exp(stats[1]) * jax.random.normal(KEY, (NUM,))

    def moved(start):
        return family.mean(params, stats.at[0].set(start))

    np.testing.assert_allclose(moved(start), z, rtol=1e-12)
    base = scipy.stats.norm(stats[0], np.exp(stats[1])).logpdf(start).sum()
    assert log_q.item() == pytest.approx(base - np.linalg.slogdet(jax.jacfwd(moved)(start))[1], abs=1e-10)
    assert np.abs(z - start).max() > 0.05  # it does move


# a prior of a context


def conditional(**options):
    return vj.vae(
        vj.nets.mlp(6),
        vj.nets.mlp(6),
        data_shape=(4,),
        prior=vj.posteriors.normal(),
        prior_net=vj.nets.mlp(5),
        **options,
    )


def test_the_rate_of_a_conditional_model_is_to_the_prior_of_its_context(float64):
    model, batch = conditional(latent_size=2), vj.Example(jnp.ones((1, 4)), jnp.ones((1, 3)))
    params = model.init(KEY, batch)
    for context in (jnp.zeros(3), 2 * jnp.ones(3)):
        example = vj.Example(jnp.ones(4), context)
        draws = jax.vmap(lambda key, example=example: model.sample(key, params, example))(jax.random.split(KEY, 20_000))
        log_p = jax.vmap(lambda z, example=example: jnp.sum(model.log_prior(params, z, example)))(draws.z)
        sampled = jnp.sum(draws.log_q, 1) - log_p
        assert jnp.sum(draws.rate[0]).item() == pytest.approx(sampled.mean().item(), abs=4 * float(sampled.std()) / 140)
    new = [model.sample_prior(KEY, params, vj.Example(jnp.ones(4), c)) for c in (jnp.zeros(3), jnp.ones(3))]
    assert np.abs(new[0] - new[1]).max() > 1e-3


@pytest.mark.long
def test_a_masked_conditional_model_is_the_smaller_one(float64):
    batch = vj.Example(jnp.ones((6, 4)), jax.random.normal(KEY, (6, 3)))
    found = []
    for options in ({"latent_size": 2, "max_latent_size": 4}, {"latent_size": 2}):
        taught = vj.trainer(conditional(**options), vj.objectives.elbo(), optax.adam(1e-2))
        state = taught.init(KEY, batch)
        for step in range(3):
            state, bound = taught.step(jax.random.key(step), state, batch)
        found.append(np.asarray(bound))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-10)


def test_a_prior_with_stats_needs_its_network_and_only_then():
    nets = vj.nets.mlp(4), vj.nets.mlp(4)
    with pytest.raises(VaejaxError, match="give prior_net"):
        vj.vae(*nets, data_shape=(4,), latent_size=2, prior=vj.posteriors.normal())
    with pytest.raises(VaejaxError, match="prior_net is for a prior that has some"):
        vj.vae(*nets, data_shape=(4,), latent_size=2, prior_net=vj.nets.mlp(4))
    with pytest.raises(VaejaxError, match="context"):
        vj.init(KEY, conditional(latent_size=2), jnp.ones((1, 4)))


# the VampPrior


def vamped(num=3, **options):
    model = vj.vae(vj.nets.mlp(6), vj.nets.mlp(6), data_shape=(4,), likelihood=vj.likelihoods.bernoulli(), **options)
    return vj.variants.vamp(model, num)


def test_one_pseudo_input_at_an_example_costs_that_example_nothing(float64):
    model = vamped(1, latent_size=2)
    params = vj.init(KEY, model, jnp.ones((1, 4)))
    draw = vj.sample(jax.random.key(4), model, params, jnp.ones(4))
    assert jnp.sum(draw.rate).item() == pytest.approx(0, abs=1e-12)


def test_it_draws_from_the_density_it_says(float64):
    """E of p(z) / r(z) under a wide r is 1, and the mean of draws is that of the mixture."""
    model = vamped(3, latent_size=2)
    batch = jnp.asarray(np.random.default_rng(0).integers(0, 2, (9, 4)), float)
    params, example = vj.init(KEY, model, batch), vj.Example(jnp.zeros(4))
    params["prior"]["logits"] = jnp.array([0.5, -1.0, 0.2])
    wide = scipy.stats.norm(0, 2.5)
    z = jnp.asarray(wide.rvs((40_000, 2), random_state=0))
    log_p = jax.vmap(lambda z: jnp.sum(model.log_prior(params, z, example)))(z)
    weights = np.exp(log_p - wide.logpdf(z).sum(1))
    assert weights.mean() == pytest.approx(1, abs=5 * float(weights.std()) / 200)
    draws = jax.vmap(lambda key: model.sample_prior(key, params, example))(jax.random.split(KEY, 40_000))
    centres = jax.vmap(lambda u: vj.encode(model, params, u))(params["prior"]["inputs"])
    wanted = jax.nn.softmax(params["prior"]["logits"]) @ centres
    np.testing.assert_allclose(draws.mean(0), wanted, atol=5 * float(np.std(draws)) / 200)


@pytest.mark.long
def test_a_grid_of_masked_vamp_priors_is_one_program_and_a_member_is_alone(float64):
    rows = np.random.default_rng(0).integers(0, 2, (40, 4)).astype(np.uint8)

    def member(latent_size, max_latent_size=3):
        model = vamped(2, latent_size=latent_size, max_latent_size=max_latent_size)
        return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))

    run = {"epochs": 3, "batch_size": 8, "num_samples": 4}
    grid = vj.sweep(lambda latent_size: member(latent_size), rows, latent_size=[2, 3], **run)
    assert grid.dataset.attrs["num_programs"] == 1
    alone, table = vj.fit(member(2, None), rows, **run)
    for measure in ("elbo", "rate", "log_likelihood"):
        mine = grid.dataset[measure].sel(latent_size=2).item()
        assert mine == pytest.approx(table.dataset[measure].item(), rel=1e-8)
    assert vj.extract(grid, latent_size=2).params["prior"]["inputs"].shape == (2, 4)
    assert alone.params["prior"]["logits"].shape == (2,)
