"""Bounds on a linear model of which log p(x) is known: p(z) = N(0, I), p(x|z) = N(Wz + b, s^2 I)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

import vaejax as vj
from vaejax import metrics

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
W = np.linalg.qr(RNG.normal(size=(4, 2)))[0] * [1.5, 0.6]  # orthogonal columns: the posterior is diagonal
B, S = RNG.normal(size=4), 0.5
X = RNG.normal(size=(5, 4))


def linear_model(mean_off=0.0, log_scale_off=0.0):
    """The model with its exact posterior, or one beside it."""
    precision = 1 + np.sum(W**2, axis=0) / S**2

    def encoder(shape):
        def apply(params, inputs, key):
            mean = W.T @ (inputs[0] - B) / S**2 / precision
            return jnp.stack([mean + mean_off, -0.5 * jnp.log(precision) + log_scale_off])

        return vj.Net(lambda *_: (), apply)

    def decoder(shape):
        return vj.Net(lambda *_: {"b": B}, lambda params, inputs, _: (W @ inputs[1] + params["b"])[None])

    return vj.vae(encoder, decoder, data_shape=(4,), latent_size=2, likelihood=vj.likelihoods.normal(jnp.asarray(S)))


LOG_P = scipy.stats.multivariate_normal(B, W @ W.T + S**2 * np.eye(4)).logpdf(X)
AWAY = {"mean_off": 0.4, "log_scale_off": 0.3}


@functools.partial(jax.jit, static_argnames=("num", "away"))
def bounds(keys, *, beta=1.0, num=None, away=True, weight=None):
    """Of `elbo(beta)`, or of `iwae(num)`, at each key."""
    objective = vj.objectives.elbo(beta) if num is None else vj.objectives.iwae(num)
    model = linear_model(**AWAY) if away else linear_model()
    batch = vj.Example(jnp.asarray(X), weight=weight)
    params = model.init(KEY, batch)
    return jax.vmap(lambda key: objective.evaluate(key, model, params, batch))(keys)


def standard_error(a):
    return float(np.std(a, ddof=1)) / np.sqrt(len(a))


@pytest.mark.parametrize("num", [1, 5])
def test_at_the_exact_posterior_every_draw_weighs_p_of_x(num):
    values = bounds(jax.random.split(KEY, 3), num=num, away=False).value
    np.testing.assert_allclose(values, LOG_P.mean(), rtol=1e-12)


def test_the_elbo_there_is_log_p_in_expectation_and_misses_it_by_the_divergence_elsewhere():
    keys = jax.random.split(KEY, 4000)
    exact, away = bounds(keys, away=False), bounds(keys)
    assert abs(exact.value.mean() - LOG_P.mean()) < 4 * standard_error(exact.value)
    divergence = 0.0  # KL(q || p(z|x)) of two normals, by latent
    for variance in S**2 / (S**2 + np.sum(W**2, axis=0)):
        divergence += 0.5 * (np.exp(0.6) + 0.4**2 / variance - 1) - 0.3
    assert abs(away.value.mean() - (LOG_P.mean() - divergence)) < 4 * standard_error(away.value)
    assert divergence > 0.5


def test_the_importance_weighted_bound_rises_with_the_draws_and_ends_at_log_p():
    keys = jax.random.split(KEY, 2000)
    found = {num: np.asarray(bounds(keys, num=num).value) for num in (1, 4, 32)}
    for fewer, more in ((1, 4), (4, 32)):
        rise = found[more] - found[fewer]
        assert rise.mean() > 3 * standard_error(rise)
    assert all(values.mean() < LOG_P.mean() + 3 * standard_error(values) for values in found.values())
    assert abs(found[32].mean() - LOG_P.mean()) < 0.05
    assert LOG_P.mean() - found[1].mean() > 0.5


def test_one_draw_of_iwae_is_the_sampled_bound_and_its_rate_the_closed_one():
    keys = jax.random.split(KEY, 6)
    one, many = bounds(keys, num=1), bounds(keys)
    np.testing.assert_allclose(one.rate, many.rate, rtol=1e-12)  # closed: no draw enters
    assert np.abs(one.value - many.value).max() > 1e-3  # value: log p(x|z) + log p(z) - log q(z|x), with its noise


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 4.0])
def test_beta_weighs_the_rate_and_nothing_else(beta):
    keys = jax.random.split(KEY, 3)
    found, plain = bounds(keys, beta=beta), bounds(keys)
    np.testing.assert_allclose(found.value, -(found.distortion + beta * found.rate), rtol=1e-12)
    np.testing.assert_array_equal(found.rate, plain.rate)
    np.testing.assert_array_equal(found.distortion, plain.distortion)
    precision = 1 + np.sum(W**2, axis=0) / S**2
    mean = (X - B) @ W / S**2 / precision + 0.4
    log_scale = -0.5 * np.log(precision) + 0.3
    rate = np.sum(0.5 * (np.exp(2 * log_scale) + mean**2 - 1) - log_scale, axis=1).mean()
    np.testing.assert_allclose(found.rate, rate, rtol=1e-12)


def test_beta_may_be_traced():
    model = linear_model(**AWAY)
    batch = vj.Example(jnp.asarray(X))
    params = model.init(KEY, batch)

    def evaluate(beta):
        return vj.objectives.elbo(beta).evaluate(KEY, model, params, batch)

    found = jax.jit(jax.vmap(evaluate))(jnp.array([0.5, 2.0]))
    np.testing.assert_allclose(found.value, -(found.distortion + np.array([0.5, 2.0]) * found.rate), rtol=1e-12)


def test_the_capacity_is_where_the_mean_rate_is_wanted():
    """Held above, below and amid the rates of the examples: the distance is that of their weighted mean."""
    model, weight = linear_model(**AWAY), np.array([0.0, 1.0, 2.0, 0.5, 1.0])
    batch = vj.Example(jnp.asarray(X), weight=jnp.asarray(weight))
    params = model.init(KEY, batch)
    log_scale = -0.5 * np.log(1 + np.sum(W**2, axis=0) / S**2)
    mean = (X - B) @ W / S**2 * np.exp(2 * log_scale) + 0.4
    rates = np.sum(0.5 * (np.exp(2 * log_scale + 0.6) + mean**2 - 1) - log_scale - 0.3, axis=1)
    rate = np.average(rates, weights=weight)

    @jax.jit
    @jax.vmap
    def evaluate(capacity):
        return vj.objectives.capacity(7.0, capacity).evaluate(KEY, model, params, batch)

    capacities = np.array([rate - 1, rate, np.median(rates), rate + 3])
    found = evaluate(jnp.asarray(capacities))
    np.testing.assert_allclose(found.rate, rate, rtol=1e-12)
    np.testing.assert_allclose(found.value, -(found.distortion + 7 * np.abs(rate - capacities)), rtol=1e-10)
    plain = vj.objectives.elbo().evaluate(KEY, model, params, batch)
    np.testing.assert_allclose(found.distortion, plain.distortion, rtol=1e-12)


@pytest.mark.parametrize("setting", [{"beta": 2.0}, {"num": 3}])
def test_an_average_over_a_batch_is_weighted(setting):
    keys, ones = jax.random.split(KEY, 2), np.eye(5)
    each = [bounds(keys, weight=jnp.asarray(one), **setting) for one in ones]
    weight = np.array([0.0, 1.0, 2.0, 0.5, 1.0])
    found = bounds(keys, weight=jnp.asarray(weight), **setting)
    for name in ("value", "distortion", "rate"):
        rows = np.stack([getattr(bound, name) for bound in each])
        np.testing.assert_allclose(getattr(found, name), np.average(rows, axis=0, weights=weight), rtol=1e-12)


def test_an_objective_says_its_formula_in_terms_of_its_settings():
    for objective in (vj.objectives.elbo(3.0), vj.objectives.iwae(7), vj.objectives.capacity(2.0, 5.0)):
        assert all(name in objective.formula for name in objective.settings)
    assert vj.objectives.elbo(3.0).settings == {"beta": 3.0}
    assert vj.objectives.iwae(7).settings == {"num_samples": 7}
    assert vj.objectives.capacity(2.0, 5.0).settings == {"weight": 2.0, "capacity": 5.0}


# metrics


@pytest.fixture(scope="module")
def measured():
    """`importance` of one example with the number of draws traced, and the same from NumPy, draw by draw."""
    with jax.enable_x64(True):
        model, example = linear_model(**AWAY), vj.Example(jnp.asarray(X[0]))
        params = model.init(KEY, vj.Example(jnp.asarray(X)))
        key = jax.random.key(7)
        compiled = jax.jit(lambda num: metrics.importance(key, model, params, example, num))
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(100))
        terms = jax.jit(jax.vmap(lambda key: vj.terms(key, model, params, X[0])))(keys)
        yield compiled, jax.tree.map(np.asarray, terms), (key, model, params, example)


@pytest.mark.parametrize("num", [1, 15, 16, 17, 32, 100])
def test_importance_is_the_log_mean_of_the_weights_however_they_are_cut(measured, num):
    compiled, terms, rest = measured
    found = compiled(num)
    expected = scipy.special.logsumexp(terms.log_weight[:num]) - np.log(num)
    np.testing.assert_allclose(found.log_likelihood, expected, rtol=1e-12)
    np.testing.assert_allclose(found.distortion, terms.distortion[:num].mean(), rtol=1e-12)
    np.testing.assert_allclose(found.rate, terms.rate[:num].mean(), rtol=1e-12)
    np.testing.assert_allclose(found.elbo, -(found.distortion + found.rate), rtol=1e-12)
    weights = np.exp(terms.log_weight[:num] - terms.log_weight[:num].max())
    np.testing.assert_allclose(found.ess, weights.sum() ** 2 / np.square(weights).sum(), rtol=1e-10)
    if num == 17:  # known while tracing: the same
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), found, metrics.importance(*rest, 17))


def test_importance_ends_at_log_p(measured):
    assert abs(measured[0](20_000).log_likelihood - LOG_P[0]) < 0.02


def test_importance_at_the_exact_posterior_is_log_p_at_one_draw():
    model = linear_model()
    params = model.init(KEY, vj.Example(jnp.asarray(X)))
    measure = jax.jit(jax.vmap(lambda x: metrics.importance(KEY, model, params, vj.Example(x), 1)))
    np.testing.assert_allclose(measure(jnp.asarray(X)).log_likelihood, LOG_P, rtol=1e-12)


def test_active_units_are_latents_whose_mean_varies():
    means = RNG.normal(size=(50, 4)) * [1.0, 0.2, 0.05, 0.0] + 3
    variances = means.var(axis=0, ddof=1)
    assert int(metrics.active_units(jnp.asarray(means))) == 2 == np.sum(variances > 0.01)
    assert int(metrics.active_units(jnp.asarray(means), variances[1] * 1.001)) == 1
    assert int(metrics.active_units(jnp.asarray(means), variances[1] * 0.999)) == 2
