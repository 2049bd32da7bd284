"""One model for every beta: what it is told, what it is measured at, and the curve that a linear one must have."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj

KEY = jax.random.key(0)
at_beta = vj.variants.at_beta


def made(size=2, widest=None):
    plain = vj.vae(
        vj.nets.mlp(8),
        vj.nets.mlp(8),
        data_shape=(3,),
        latent_size=size,
        max_latent_size=widest,
        likelihood=vj.likelihoods.normal(0.5),
    )
    return plain, vj.variants.multi_rate(plain)


def test_it_is_the_plain_model_told_log_beta_and_at_beta_one_where_nothing_is_asked(float64):
    plain, model = made()
    batch = vj.Example(jnp.ones((2, 3)), jnp.ones((2, 1)))
    params = model.init(KEY, batch)
    x = jnp.array([0.3, -1.0, 0.5])
    for given, log_beta in ((jnp.ones(1), 0.0), (at_beta(3.0, jnp.ones(1)), np.log(3.0))):
        example, told = vj.Example(x, given), vj.Example(x, (jnp.ones(1), jnp.asarray(log_beta)))
        draw = model.sample(KEY, params, example)
        for found, wanted in zip(draw, plain.sample(KEY, params, told), strict=True):
            np.testing.assert_array_equal(found, wanted)
        for name in ("log_posterior", "log_prior", "log_likelihood", "decode"):
            found = getattr(model, name)(params, draw.z, example)
            np.testing.assert_array_equal(found, getattr(plain, name)(params, draw.z, told))
    one, other = (model.encode(params, vj.Example(x, at_beta(b, jnp.ones(1)))) for b in (1.0, 5.0))
    assert np.abs(one - other).max() > 1e-3


def test_the_objective_weighs_by_the_beta_that_it_draws(float64):
    """With low = high every beta is that one, and the model is asked for it."""
    _, model = made()
    batch = vj.Example(jax.random.normal(KEY, (5, 3)))
    params = model.init(KEY, batch)
    found = vj.objectives.multi_rate(3.0, 3.0).evaluate(KEY, model, params, batch)
    asked = batch._replace(context=jax.vmap(lambda _: at_beta(3.0))(jnp.arange(5)))
    wanted = vj.objectives.elbo(3.0).evaluate(KEY, model, params, asked)
    np.testing.assert_allclose(found.value, wanted.value / 4, rtol=1e-12)
    np.testing.assert_allclose(found[1:], wanted[1:], rtol=1e-12)


@pytest.mark.long
def test_one_training_finds_the_curve_of_rate_and_distortion_of_a_linear_model():
    """Reverse water-filling, as in test_linear_models: one network for betas from 0.5 to 20, rates within 0.15 nats."""
    variances, noise, steps = np.array([4.0, 1.0, 0.4]), 0.5, 6000
    rows = np.random.default_rng(0).normal(size=(256, 3))
    rows -= rows.mean(0)
    rows = rows @ np.linalg.inv(np.linalg.cholesky(rows.T @ rows / 256)).T * np.sqrt(variances)
    batch = vj.Example(jnp.asarray(rows, jnp.float32))
    net = vj.nets.mlp(32)
    model = vj.variants.multi_rate(
        vj.vae(net, net, data_shape=(3,), latent_size=3, likelihood=vj.likelihoods.normal(noise))
    )
    rate = optax.cosine_decay_schedule(1e-2, steps)
    taught = vj.trainer(model, vj.objectives.multi_rate(0.5, 20.0), optax.adam(rate))

    def step(state, key):
        return taught.step(key, state, batch)[0], None

    state = jax.jit(lambda state: jax.lax.scan(step, state, jax.random.split(KEY, steps))[0])(taught.init(KEY, batch))
    for beta in (0.8, 2.0, 6.0, 12.0):
        asked = batch._replace(context=jax.vmap(lambda _, b=beta: at_beta(b))(jnp.arange(256)))
        found = jax.jit(
            jax.vmap(lambda key, asked=asked: vj.objectives.elbo().evaluate(key, model, state.params, asked))
        )(jax.random.split(KEY, 100))
        wanted = np.log(np.maximum(variances / (beta * noise**2), 1)).sum() / 2
        assert float(found.rate.mean()) == pytest.approx(wanted, abs=0.15)
