"""Estimators of one gradient against each other, on a linear model whose exact posterior is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaejax as vj
from vaejax.errors import VaejaxError

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
W = np.linalg.qr(RNG.normal(size=(4, 2)))[0] * [1.5, 0.6]  # orthogonal columns: the posterior is diagonal
S = 0.5
X = RNG.normal(size=(3, 4))
PRECISION = 1 + np.sum(W**2, axis=0) / S**2
EXACT = {"mean": W.T / S**2 / PRECISION[:, None], "log_scale": -0.5 * np.log(PRECISION)}


def made():
    def encoder(shape):
        def apply(params, inputs, key):
            return jnp.stack([params["mean"] @ inputs[0], params["log_scale"]])

        return vj.Net(lambda *_: jax.tree.map(jnp.asarray, EXACT), apply)

    def decoder(shape):
        return vj.Net(lambda *_: {"w": jnp.asarray(W)}, lambda params, inputs, _: (params["w"] @ inputs[1])[None])

    likelihood = vj.likelihoods.normal(jnp.asarray(S))
    return vj.vae(encoder, decoder, data_shape=(4,), latent_size=2, likelihood=likelihood)


def params_at(off):
    """The exact posterior, or one beside it."""
    params = made().init(KEY, vj.Example(jnp.asarray(X)))
    return {**params, "encoder": jax.tree.map(lambda a: a + off, params["encoder"])}


OBJECTIVES = {
    "elbo": vj.objectives.elbo(),
    "stl": vj.objectives.stl(),
    "iwae 4": vj.objectives.iwae(4),
    "iwae 6": vj.objectives.iwae(6),
    "dreg 4": vj.objectives.dreg(4),
    "dreg 1": vj.objectives.dreg(1),
    "iwae 1": vj.objectives.iwae(1),
    "miwae 4, 1": vj.objectives.miwae(num_importance=4, num_outer=1),
    "miwae 1, 4": vj.objectives.miwae(num_importance=1, num_outer=4),
    "miwae 3, 2": vj.objectives.miwae(num_importance=3, num_outer=2),
    "piwae 3, 2": vj.objectives.piwae(num_importance=3, num_outer=2),
}


@functools.partial(jax.jit, static_argnames="name")
def gradients(name, off, keys, weight=None):
    """Value and gradient at each key."""
    model, batch = made(), vj.Example(jnp.asarray(X), weight=weight)

    def value(params, key):
        bound = OBJECTIVES[name].evaluate(key, model, params, batch)
        return bound.value, bound

    found = jax.vmap(jax.grad(value, has_aux=True), (None, 0))(params_at(off), keys)
    return found[1], found[0]["encoder"], found[0]["decoder"]["w"]


def spread(tree):
    return sum(np.var(leaf, axis=0).sum() for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(("landing", "plain"), [("stl", "elbo"), ("dreg 4", "iwae 4")])
def test_the_gradient_of_q_vanishes_at_the_exact_posterior_for_every_draw(landing, plain):
    keys = jax.random.split(KEY, 20)
    for leaf in jax.tree.leaves(gradients(landing, 0.0, keys)[1]):
        np.testing.assert_allclose(leaf, 0.0, atol=1e-12)
    assert spread(gradients(plain, 0.0, keys)[1]) > 0.1


@pytest.mark.parametrize(("landing", "plain"), [("stl", "elbo"), ("dreg 4", "iwae 4"), ("dreg 1", "iwae 1")])
def test_its_expectation_is_that_of_the_plain_gradient_and_near_the_posterior_its_noise_is_less(landing, plain):
    """4,000 keys, 10 numbers of q and 8 of p: within 4.5 standard errors of the paired differences."""
    keys = jax.random.split(jax.random.key(1), 4000)
    _, *found = gradients(landing, 0.2, keys)
    _, *expected = gradients(plain, 0.2, keys)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        error = np.std(a - b, axis=0, ddof=1) / np.sqrt(len(keys))
        assert np.all(np.abs(np.mean(a - b, axis=0)) <= 4.5 * error + 1e-12)
    assert max(np.abs(leaf.mean(0)).max() for leaf in jax.tree.leaves(found[0])) > 0.1  # there is one to be estimated
    near = [spread(gradients(name, 0.02, keys[:500])[1]) for name in (landing, plain)]
    assert near[0] < 0.05 * near[1]


def test_the_gradient_of_p_is_that_of_the_plain_bound_over_the_same_draws():
    keys = jax.random.split(KEY, 4)
    for name, plain in (("dreg 4", "iwae 4"), ("piwae 3, 2", "iwae 6"), ("dreg 1", "iwae 1")):
        (bound, _, of_p), (plain_bound, _, of_plain) = gradients(name, 0.2, keys), gradients(plain, 0.2, keys)
        np.testing.assert_allclose(of_p, of_plain, rtol=1e-9, atol=1e-12)
        for a, b in zip(bound, plain_bound, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_with_one_draw_sticking_the_landing_reports_the_sampled_bound_of_that_draw():
    keys = jax.random.split(KEY, 4)
    model, params = made(), params_at(0.2)

    @jax.jit
    @jax.vmap
    def sampled(key):
        return jnp.mean(vj.objectives.stl().evaluate(key, model, params, vj.Example(jnp.asarray(X))).value)

    @jax.jit
    @jax.vmap
    def expected(key):
        keys = jax.vmap(lambda place: jax.random.fold_in(key, place))(jnp.arange(len(X)))
        return jnp.mean(jax.vmap(lambda key, x: vj.terms(key, model, params, x).log_weight)(keys, jnp.asarray(X)))

    np.testing.assert_allclose(sampled(keys), expected(keys), rtol=1e-12)
    stl, elbo = gradients("stl", 0.2, keys)[0], gradients("elbo", 0.2, keys)[0]
    np.testing.assert_allclose(stl.distortion, elbo.distortion, rtol=1e-12)
    np.testing.assert_allclose(stl.rate, elbo.rate, rtol=1e-12)


def test_multiple_bounds_are_one_bound_or_the_mean_of_single_draws():
    keys = jax.random.split(KEY, 4)
    one, iwae = gradients("miwae 4, 1", 0.2, keys), gradients("iwae 4", 0.2, keys)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13), one, iwae)
    model, params = made(), params_at(0.2)

    @jax.jit
    @jax.vmap
    def single(key):
        def of(place, x):
            keys = jax.random.split(jax.random.fold_in(key, place), 4)
            return jnp.mean(jax.vmap(lambda key: vj.terms(key, model, params, x).log_weight)(keys))

        return jnp.mean(jax.vmap(of)(jnp.arange(len(X)), jnp.asarray(X)))

    np.testing.assert_allclose(gradients("miwae 1, 4", 0.2, keys)[0].value, single(keys), rtol=1e-12)


def test_partly_importance_weighted_q_has_the_gradient_of_the_multiple_bounds():
    keys = jax.random.split(KEY, 4)
    partly, multiple, plain = (gradients(name, 0.2, keys)[1] for name in ("piwae 3, 2", "miwae 3, 2", "iwae 6"))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), partly, multiple)
    assert np.abs(partly["mean"] - plain["mean"]).max() > 1e-3


@pytest.mark.parametrize("name", ["stl", "dreg 4", "miwae 3, 2", "piwae 3, 2"])
def test_their_averages_over_a_batch_are_weighted(name):
    keys = jax.random.split(KEY, 2)
    each = [gradients(name, 0.2, keys, jnp.asarray(one)) for one in np.eye(3)]
    weight = np.array([2.0, 0.0, 0.5])
    found = gradients(name, 0.2, keys, jnp.asarray(weight))

    def compare(found, *each):
        np.testing.assert_allclose(found, np.average(each, axis=0, weights=weight), rtol=1e-9, atol=1e-12)

    jax.tree.map(compare, found, *each)


@pytest.mark.parametrize("objective", [vj.objectives.stl(), vj.objectives.dreg(2)])
def test_a_posterior_without_a_density_at_a_given_z_is_refused_and_the_cure_named(objective):
    def undefined(*_):
        raise VaejaxError("no density away from its samples")

    model, batch = made(), vj.Example(jnp.asarray(X))
    along = model._replace(log_posterior=undefined)
    params = params_at(0.0)
    assert jax.eval_shape(lambda: vj.objectives.iwae(2).evaluate(KEY, along, params, batch)).value.shape == ()
    with pytest.raises(VaejaxError, match=r"needs log q\(z\|x\) at a given z.*no density away.*use elbo or iwae"):
        jax.eval_shape(lambda: objective.evaluate(KEY, along, params, batch))
