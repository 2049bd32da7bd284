"""Several groups of latents: one group is the flat model, and a linear one is known exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

import vaejax as vj
from vaejax.errors import VaejaxError
from vaejax.families import no_params
from vaejax.model import compacted

KEY = jax.random.key(0)
X = jax.random.uniform(jax.random.key(7), (6, 4))
BATCH = vj.Example(X)
NET = vj.nets.mlp(6)


def ladder(sizes, widest=None, **options):
    return vj.ladder(NET, NET, NET, data_shape=(4,), latent_sizes=sizes, max_latent_size=widest, **options)


def started(model, batch=BATCH):
    """Parameters away from where they start, so that the prior of lower groups is not N(0, I)."""
    return jax.tree.map(lambda a: 0.7 * a + 0.05, model.init(KEY, batch))


@pytest.mark.long
def test_with_one_group_it_is_the_flat_model(float64):
    one = ladder((3,))
    flat = vj.vae(NET, NET, data_shape=(4,), latent_size=3)
    params, flat_params = one.init(KEY, BATCH), flat.init(KEY, BATCH)
    assert params["prior_net"] == {}
    jax.tree.map(np.testing.assert_array_equal, params["encoder"]["group_0"], flat_params["encoder"])
    jax.tree.map(np.testing.assert_array_equal, params["decoder"], flat_params["decoder"])
    example = vj.Example(X[0])
    draw, flat_draw = one.sample(KEY, params, example), flat.sample(KEY, flat_params, example)
    for found, wanted in zip(draw, flat_draw, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    z, flat_z = draw.z + 0.1, flat_draw.z + 0.1
    for name in ("log_posterior", "log_prior"):
        found, wanted = getattr(one, name)(params, z, example), getattr(flat, name)(flat_params, flat_z, example)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    np.testing.assert_allclose(one.encode(params, example), flat.encode(flat_params, example), rtol=1e-12)
    np.testing.assert_array_equal(one.sample_prior(KEY, params, example), flat.sample_prior(KEY, flat_params, example))
    for objective in (vj.objectives.elbo(2.0), vj.objectives.iwae(3), vj.objectives.dreg(3)):
        found = objective.evaluate(KEY, one, params, BATCH)
        np.testing.assert_allclose(found, objective.evaluate(KEY, flat, flat_params, BATCH), rtol=1e-12)


def test_its_rate_is_the_mean_of_log_q_minus_log_p_and_its_densities_are_those_along_the_sample(float64):
    model = ladder((2, 3, 1))
    params, example = started(model), vj.Example(X[0].astype(float))
    draws = jax.jit(jax.vmap(lambda key: model.sample(key, params, example)))(jax.random.split(KEY, 20_000))
    log_p = jax.vmap(lambda z: jnp.sum(model.log_prior(params, z, example)))(draws.z)
    sampled = draws.log_q[:, 0] - log_p
    error = float(sampled.std()) / np.sqrt(len(sampled))
    assert error < 0.02
    assert float(draws.rate.sum(1).mean()) == pytest.approx(float(sampled.mean()), abs=4 * error)
    in_use = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 0]], bool)
    for found in (draws.z, draws.rate):
        np.testing.assert_array_equal(np.any(found.reshape(-1, 3, 3) != 0, axis=0), in_use)
    np.testing.assert_allclose(model.log_posterior(params, draws.z[5], example), draws.log_q[5], rtol=1e-12)


def test_its_prior_draws_from_its_density(float64):
    """E under a wide normal r of p(z) / r(z) is 1, and of z it is the mean of the prior's draws."""
    model = ladder((1, 1))
    params, example = started(model), vj.Example(X[0].astype(float))
    wide = scipy.stats.norm(0, 2)
    z = jnp.asarray(wide.rvs((40_000, 2), random_state=1))
    log_p = jax.jit(jax.vmap(lambda z: jnp.sum(model.log_prior(params, z, example))))(z)
    weights = np.exp(log_p - wide.logpdf(z).sum(1))
    assert weights.mean() == pytest.approx(1, abs=5 * float(weights.std()) / 200)
    draws = jax.jit(jax.vmap(lambda key: model.sample_prior(key, params, example)))(jax.random.split(KEY, 40_000))
    for moment in (1, 2):
        terms = np.asarray(weights * z[:, 1] ** moment)
        assert float(jnp.mean(draws[:, 1] ** moment)) == pytest.approx(terms.mean(), abs=6 * float(terms.std()) / 200)


@pytest.mark.parametrize("objective", [vj.objectives.elbo(), vj.objectives.iwae(3)], ids=["elbo", "iwae"])
def test_masked_it_is_the_truly_smaller_one(objective, float64):
    found = []
    for model in (ladder((2, 1), 4), ladder((2, 1))):
        taught = vj.trainer(model, objective, optax.adam(1e-2))
        state = taught.init(KEY, BATCH)
        for step in range(3):
            state, bound = jax.jit(taught.step)(jax.random.key(step), state, BATCH)
        found.append((state.params, bound))
    (wide, bound), (narrow, small_bound) = found
    np.testing.assert_allclose(bound, small_bound, rtol=1e-10)
    small, params = compacted(ladder((2, 1), 4), wide)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-12), params, narrow)
    assert small.active().shape == (4,)


@pytest.mark.long
def test_the_sizes_of_groups_are_axes_of_one_program():
    def member(first, second, beta):
        model = ladder((first, second), 3, likelihood=vj.likelihoods.normal(1.0))
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

    data = vj.data.arrays(np.random.default_rng(0).random((60, 4)), likelihood=vj.likelihoods.normal(1.0))
    result = vj.sweep(member, data, first=[1, 2], second=[1, 3], beta=[0.5, 1.0], epochs=2, num_samples=4)
    assert len(result.programs) == 1
    model, params = vj.extract(result, first=1, second=3, beta=1.0)
    assert vj.encode(model, params, X[0]).shape == (6,)
    assert int(np.sum(vj.encode(model, params, X[0]) != 0)) == 4


def linear():
    """x = a z_1 + b z_2 + noise with z_2 = c z_1 + s e, one latent in each group, and encoders that are exact."""
    a, b, c, s, noise = np.array([1.0, 0.5, -1.0, 0.3]), np.array([0.2, 2.0, 0.4, -0.7]), 0.8, 0.6, 0.5
    cov = np.outer(a + c * b, a + c * b) + s**2 * np.outer(b, b) + noise**2 * np.eye(4)

    def prior_net(shape):
        return vj.Net(no_params, lambda p, i, k: jnp.stack([c * i[1][:, 0], jnp.full(1, np.log(s))]))

    def first(shape):
        gain = (a + c * b) @ np.linalg.inv(cov)
        scale = 0.5 * np.log(1 - gain @ (a + c * b))
        return vj.Net(no_params, lambda p, i, k: jnp.stack([(jnp.asarray(gain) @ i[0])[None], jnp.full(1, scale)]))

    def second(shape):
        precision = 1 / s**2 + b @ b / noise**2

        def apply(params, inputs, key):
            x, (_, above) = inputs
            away = jnp.asarray(b) @ (x - jnp.asarray(a + c * b) * above[0, 0]) / noise**2 / precision
            return jnp.stack([away[None], jnp.full(1, -0.5 * np.log(precision) - np.log(s))])

        return vj.Net(no_params, apply)

    def decoder(shape):
        return vj.Net(no_params, lambda p, i, k: (jnp.asarray(a) * i[1][0] + jnp.asarray(b) * i[1][1])[None])

    likelihood = vj.likelihoods.normal(noise)
    model = vj.ladder([first, second], decoder, prior_net, data_shape=(4,), latent_sizes=(1, 1), likelihood=likelihood)
    return model, scipy.stats.multivariate_normal(np.zeros(4), cov)


@pytest.mark.parametrize("objective", [vj.objectives.iwae(1), vj.objectives.dreg(2)])
def test_with_exact_posteriors_the_bound_of_two_groups_is_log_p(objective, float64):
    model, exact = linear()
    params = model.init(KEY, BATCH)
    found = objective.evaluate(KEY, model, params, BATCH)
    assert float(found.value) == pytest.approx(exact.logpdf(X).mean(), abs=1e-9)
    assert -float(found.distortion + found.rate) != pytest.approx(
        float(found.value), abs=1e-3
    )  # closed rates, one draw


@pytest.mark.long
def test_it_is_a_prior_of_pseudo_inputs_too():
    model = vj.variants.vamp(ladder((2, 2), likelihood=vj.likelihoods.bernoulli()), 3)
    taught = vj.trainer(model, vj.objectives.iwae(2), optax.adam(1e-2))
    _, bound = jax.jit(taught.step)(KEY, taught.init(KEY, BATCH), BATCH)
    assert np.isfinite(np.asarray(bound)).all()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ladder(()), "a size for each group"),
        (lambda: ladder((2, 5), 4), "at most max_latent_size=4, got 5"),
        (lambda: vj.ladder([NET], NET, NET, data_shape=(4,), latent_sizes=(2, 2)), "one encoder or a list of 2, got 1"),
        (lambda: vj.ladder(NET, NET, [NET] * 2, data_shape=(4,), latent_sizes=(2, 2)), "a list of 1, got 2"),
    ],
)
def test_groups_that_do_not_fit_are_refused(make, says):
    with pytest.raises(VaejaxError, match=says):
        make()
