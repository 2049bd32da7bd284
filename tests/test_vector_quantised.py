"""Vector quantisation: its values, the running means of its codebook, and what counts for nothing in them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax.errors import VaejaxError
from vaejax.model import compacted
from vaejax.variants import code_usage, vector_quantised

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).normal(size=(7, 4)))


def made(size=2, widest=None, *, num_codes=5, **options):
    sizes = {"latent_size": size, "max_latent_size": widest}
    point = vj.posteriors.point((2,))
    return vector_quantised(
        vj.vae(vj.nets.mlp(6), vj.nets.mlp(6), data_shape=(4,), posterior=point, **sizes), num_codes, **options
    )


def taught(model, objective=None, optimizer=None):
    return vj.trainer(model, objective or vj.objectives.elbo(), optimizer or optax.adam(1e-2))


def codes_of(params):
    return np.asarray(params["codebook"]["total"] / params["codebook"]["frequency"][:, None])


def encodings(params, x=X, size=2):
    """By a model without a codebook."""
    point = vj.posteriors.point((2,))
    plain = vj.vae(vj.nets.mlp(6), vj.nets.mlp(6), data_shape=(4,), posterior=point, latent_size=size)
    return np.asarray(jax.vmap(lambda x: vj.encode(plain, params, x))(x))


def nearest(codes, z):
    return np.argmin(np.sum((z[..., None, :] - codes) ** 2, -1), -1)


def test_a_latent_is_its_nearest_code_and_costs_the_log_of_their_number(float64):
    model = made()
    params = vj.init(KEY, model, X)
    codes, z = codes_of(params), encodings(params)
    expected = codes[nearest(codes, z)]
    np.testing.assert_allclose(jax.vmap(lambda x: vj.encode(model, params, x))(X), expected, rtol=1e-12)
    draw = vj.sample(KEY, model, params, X[0])
    np.testing.assert_allclose(draw.z, expected[0], rtol=1e-12)
    np.testing.assert_array_equal(draw.log_q, [0.0, 0.0])
    np.testing.assert_allclose(draw.rate, [np.log(5)] * 2, rtol=1e-15)
    example = vj.Example(X[0])
    np.testing.assert_allclose(model.log_prior(params, draw.z, example), [-np.log(5)] * 2, rtol=1e-15)
    np.testing.assert_array_equal(model.log_posterior(params, draw.z, example), [0.0, 0.0])
    other = draw.z.at[1].set(codes[(nearest(codes, z)[0, 1] + 1) % 5])
    np.testing.assert_array_equal(model.log_posterior(params, other, example), [0.0, -np.inf])
    found = vj.terms(KEY, model, params, X[0])
    assert found.log_weight.item() == pytest.approx(-(found.distortion + found.rate).item(), rel=1e-12)


def test_new_latents_are_codes_all_alike_often(float64):
    model = made()
    params = vj.init(KEY, model, X)
    new = jax.vmap(lambda key: model.sample_prior(key, params, vj.Example(X[0])))(jax.random.split(KEY, 2000))
    codes = codes_of(params)
    np.testing.assert_allclose(new, codes[nearest(codes, np.asarray(new))], rtol=1e-12)
    shares = np.bincount(nearest(codes, np.asarray(new)).ravel(), minlength=5) / 4000
    np.testing.assert_allclose(shares, 0.2, atol=4 * np.sqrt(0.2 * 0.8 / 4000))


def test_codes_start_as_encodings_of_examples_that_count(float64):
    """Seven codes of seven examples are all of them; of two that count, those two in turn."""
    model = made(1, num_codes=7)
    params = vj.init(KEY, model, X)
    z = encodings(params, size=1)[:, 0]
    assert {tuple(row) for row in codes_of(params).round(9)} == {tuple(row) for row in z.round(9)}
    assert code_usage(params).perplexity.item() == pytest.approx(7, rel=1e-12)
    weight = jnp.array([0.0, 1.0, 0.0, 0.0, 3.0, 0.0, 0.0])
    params = vj.init(KEY, model, vj.Example(X, weight=weight))
    assert {tuple(row) for row in codes_of(params).round(9)} == {tuple(row) for row in z[[1, 4]].round(9)}


def test_gradients_go_straight_through_and_never_to_the_codes(float64):
    model = made()
    params = vj.init(KEY, model, X)

    def through(params):
        return jnp.sum(jnp.array([[1.0, -2.0], [0.5, 3.0]]) * vj.sample(KEY, model, params, X[0]).z)

    def plain(params):
        point = vj.posteriors.point((2,))
        model = vj.vae(vj.nets.mlp(6), vj.nets.mlp(6), data_shape=(4,), posterior=point, latent_size=2)
        return jnp.sum(jnp.array([[1.0, -2.0], [0.5, 3.0]]) * vj.encode(model, params, X[0]))

    found, expected = jax.grad(through)(params), jax.grad(plain)(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), found["encoder"], expected["encoder"])
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(found["codebook"]))


def recomputed(params, z, weight, decay):
    """The running means one step later, in numpy: `z` `[example, latent, 2]`."""
    codes, book = codes_of(params), jax.tree.map(np.array, params["codebook"])
    chosen = nearest(codes, z)
    counts, sums = np.zeros(len(codes)), np.zeros_like(codes)
    for i, j in np.ndindex(chosen.shape):
        counts[chosen[i, j]] += weight[i]
        sums[chosen[i, j]] += weight[i] * z[i, j]
    total = counts.sum()
    return {
        "frequency": decay * book["frequency"] + (1 - decay) * counts / total,
        "total": decay * book["total"] + (1 - decay) * sums / total,
    }


@pytest.mark.parametrize("objective", [vj.objectives.elbo(3.0), vj.objectives.iwae(2)], ids=["elbo", "iwae"])
def test_a_step_is_a_running_mean_in_which_padding_and_unused_latents_do_not_count(objective, float64):
    weight = np.array([1.0, 2.0, 0.0, 1.0, 1.0, 0.0, 0.5])
    for widest in (None, 4):
        trainer = taught(made(2, widest, decay=0.9, least_usage=0.0), objective)
        batch = vj.Example(X.at[2].set(1e6), weight=jnp.asarray(weight))  # what fills up is anything
        state = trainer.init(KEY, batch)
        _, small = compacted(trainer.model, state.params)
        z = encodings(small, batch.x)
        after, _ = jax.jit(trainer.step)(KEY, state, batch)
        expected = recomputed(small, z, weight, 0.9)
        for leaf, value in expected.items():
            np.testing.assert_allclose(after.params["codebook"][leaf], value, rtol=1e-9, atol=1e-12)
        assert jnp.sum(after.params["codebook"]["frequency"]).item() == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("beta", [0.0, 5.0])
def test_commitment_pulls_at_the_encoder_whatever_beta_is_and_is_in_no_value(beta, float64):
    weight = jnp.array([1.0, 2.0, 0.0, 1.0, 1.0, 0.0, 0.5])
    batch = vj.Example(X, weight=weight)
    free, bound_to = (made(commitment=c) for c in (0.0, 0.7))
    params = vj.init(KEY, free, batch)
    codes = codes_of(params)

    def expected(encoder):
        z = encodings_of(encoder)
        away = jnp.sum((z - codes[nearest(codes, np.asarray(encodings({**params})))]) ** 2, (1, 2))
        return -0.7 * jnp.sum(weight * away) / jnp.sum(weight)

    def encodings_of(encoder):
        point = vj.posteriors.point((2,))
        plain = vj.vae(vj.nets.mlp(6), vj.nets.mlp(6), data_shape=(4,), posterior=point, latent_size=2)
        return jax.vmap(lambda x: vj.encode(plain, {**params, "encoder": encoder}, x))(X)

    def value(params, model):
        bound = vj.objectives.elbo(beta).evaluate(KEY, model, params, batch)
        return bound.value + model.upkeep(KEY, params, batch), bound

    (a, _), with_none = jax.value_and_grad(value, has_aux=True)(params, free)
    (b, _), with_some = jax.value_and_grad(value, has_aux=True)(params, bound_to)
    assert a == b
    slope = jax.grad(expected)(params["encoder"])
    difference = jax.tree.map(jnp.subtract, with_some["encoder"], with_none["encoder"])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11), difference, slope)
    jax.tree.map(np.testing.assert_array_equal, with_some["decoder"], with_none["decoder"])


def test_a_dead_code_starts_anew_at_an_encoding_that_counts(float64):
    weight = jnp.array([1.0, 2.0, 0.0, 1.0, 1.0, 0.0, 0.5])
    batch = vj.Example(X, weight=weight)
    trainer = taught(made(2, 4, least_usage=0.5))
    state = trainer.init(KEY, batch)
    book = state.params["codebook"]
    far = {"frequency": book["frequency"].at[3].set(0.01), "total": book["total"].at[3].set(7.0)}  # a code at 700
    state = state._replace(params={**state.params, "codebook": far})
    _, small = compacted(trainer.model, state.params)
    z = encodings(small)[np.asarray(weight) > 0].reshape(-1, 2)
    seen, step = set(), jax.jit(trainer.step)
    for seed in range(20):
        after, _ = step(jax.random.key(seed), state, batch)
        code = codes_of(after.params)[3]
        assert np.abs(z - code).sum(1).min() < 1e-9
        assert after.params["codebook"]["frequency"][3].item() == pytest.approx(0.2, rel=1e-12)
        seen.add(int(np.abs(z - code).sum(1).argmin()))
    assert len(seen) > 4  # of ten
    kept = taught(made(2, 4, least_usage=0.0))
    after, _ = kept.step(KEY, state, batch)
    np.testing.assert_allclose(codes_of(after.params)[3], 700, rtol=1e-9)


def test_a_code_that_nobody_chose_for_ever_is_finite():
    model = made(least_usage=0.0)
    params = vj.init(KEY, model, X.astype(jnp.float32))
    params["codebook"] = jax.tree.map(lambda a: a.at[1].set(0.0), params["codebook"])
    assert np.isfinite(vj.sample(KEY, model, params, X[0].astype(jnp.float32)).z).all()
    assert np.isfinite(model.sample_prior(KEY, params, vj.Example(X[0]))).all()


def test_the_perplexity_of_a_known_usage():
    """Shares 1/2, 1/4, 1/4, 0: an entropy of 1.5 log 2; frequencies after a reset need not sum to one."""
    book = {"frequency": jnp.array([1.0, 0.5, 0.5, 0.0]), "total": jnp.ones((4, 2))}
    usage = code_usage({"codebook": book})
    np.testing.assert_allclose(usage.frequency, [0.5, 0.25, 0.25, 0.0])
    assert usage.perplexity.item() == pytest.approx(2**1.5, rel=1e-6)


def test_a_masked_model_trains_as_the_smaller_one_with_codes_that_die(float64):
    """Three steps of Adam, from data-dependent codes on; `least_usage` 1 renews about half of them in each."""
    batch = vj.Example(X, weight=jnp.array([1.0, 2.0, 0.0, 1.0, 1.0, 0.0, 0.5]))

    @functools.partial(jax.jit, static_argnums=1)
    def trained(size, widest):
        trainer = taught(made(size if widest else 2, widest, decay=0.9, least_usage=1.0))
        start = trainer.init(KEY, batch)
        end, bounds = jax.lax.scan(lambda state, key: trainer.step(key, state, batch), start, jax.random.split(KEY, 3))
        gradient = jax.grad(lambda params: trainer.model.upkeep(KEY, params, batch))(end.params)
        return start.params, end.params, bounds, gradient

    def compare(wide, narrow):
        inside = tuple(slice(size) for size in narrow.shape)
        np.testing.assert_allclose(wide[inside], narrow, rtol=1e-8, atol=1e-11)
        beyond = np.array(wide)
        beyond[inside] = 0
        np.testing.assert_array_equal(beyond, 0.0)

    jax.tree.map(compare, trained(2, 4), trained(2, None))


def test_every_verb_of_a_masked_model_agrees(float64):
    model = made(2, 4)
    params = jax.tree.map(lambda a: a + 0.1 * (a != 0), vj.init(KEY, model, X))
    small, small_params = compacted(model, params)
    x = vj.Example(X[0])
    verbs = (
        lambda model, params: model.encode(params, x),
        lambda model, params: model.sample(KEY, params, x),
        lambda model, params: model.sample_prior(KEY, params, x),
        lambda model, params: model.log_posterior(params, model.encode(params, x), x),
        lambda model, params: model.log_prior(params, model.encode(params, x), x),
    )
    for verb in verbs:
        both = (jax.tree.leaves(verb(*m)) for m in ((model, params), (small, small_params)))
        for wide, narrow in zip(*both, strict=True):
            padded = jnp.pad(narrow, [(0, 2), *[(0, 0)] * (narrow.ndim - 1)])
            np.testing.assert_allclose(wide, padded, rtol=1e-10, atol=1e-12)
    decoded = [vj.reconstruct(*m, X[0]) for m in ((model, params), (small, small_params))]
    np.testing.assert_allclose(*decoded, rtol=1e-10)


def test_eight_clusters_take_eight_codes():
    """Points of eight places far apart; with resets no code is left alone, and the places are told apart."""
    rng = np.random.default_rng(0)
    angles = 2 * np.pi * np.arange(8) / 8
    places = 5 * np.stack([np.cos(angles), np.sin(angles)], 1)
    x = jnp.asarray(places[rng.integers(0, 8, 256)] + 0.05 * rng.normal(size=(256, 2)), jnp.float32)
    point, likelihood = vj.posteriors.point((2,)), vj.likelihoods.normal(0.3)
    nets = vj.nets.mlp(32), vj.nets.mlp(32)
    model = vj.vae(*nets, data_shape=(2,), latent_size=1, posterior=point, likelihood=likelihood)
    trainer = taught(vector_quantised(model, 8, decay=0.9, least_usage=0.3), None, optax.adam(3e-3))
    batch = vj.Example(x)

    @jax.jit
    def run():
        def step(state, key):
            return trainer.step(key, state, batch)

        return jax.lax.scan(step, trainer.init(KEY, batch), jax.random.split(KEY, 600))

    state, bounds = run()
    assert code_usage(state.params).perplexity > 7.5
    codes = jax.vmap(lambda x: vj.encode(trainer.model, state.params, x))(jnp.asarray(places, jnp.float32))
    assert len(np.unique(np.asarray(codes).round(4), axis=0)) == 8
    assert bounds.distortion[-1] < bounds.distortion[0] / 10


@pytest.mark.long
def test_a_grid_over_latent_sizes_and_commitments_is_one_program():
    def member(latent_size, commitment):
        return taught(made(latent_size, 3, commitment=commitment))

    rows = np.random.default_rng(0).random((40, 4), np.float32)
    axes = {"latent_size": [1, 3], "commitment": [0.1, 1.0]}
    result = vj.sweep(member, rows, **axes, epochs=2, batch_size=16, num_samples=4)
    assert result.dataset.attrs["num_programs"] == 1
    expected = np.log(5) * np.array([1, 3])
    np.testing.assert_allclose(result.dataset["rate"].sel(commitment=1.0).values[:, 0], expected, rtol=1e-6)
    model, params = vj.extract(result, latent_size=1, commitment=0.1)
    assert params["codebook"]["total"].shape == (5, 2)
    assert vj.encode(model, params, rows[0]).shape == (1, 2)


@pytest.mark.parametrize(
    "options", [{"num_codes": 0}, {"commitment": -1.0}, {"decay": 1.5}, {"least_usage": 2.0}], ids=str
)
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(VaejaxError, match=next(iter(options))):
        made(**options)
