"""Compositions that nobody has written for each other: they train in a grid, and log p(x) is right by two routes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from routes import assert_routes_meet

import vaejax as vj

RNG = np.random.default_rng(0)


def improved(result):
    """Members whose objective rose over training."""
    value = result.dataset.history_value.values.reshape(-1, result.dataset.sizes["epoch"])
    return value[:, -1] > value[:, 0]


@pytest.mark.long
def test_an_importance_weighted_vampprior_with_a_flow_posterior_and_discretized_logistics():
    levels = 8
    base = RNG.integers(0, 2, (120, 1))
    x = np.clip(base * 5 + RNG.integers(0, 3, (120, 4)), 0, levels - 1).astype(np.uint8)
    data = vj.data.arrays(x, levels=levels)

    def member(learning_rate):
        model = vj.vae(
            vj.nets.mlp(8),
            vj.nets.mlp(8),
            data_shape=(4,),
            latent_size=2,
            posterior=vj.posteriors.iaf(2, 4),
            likelihood=vj.likelihoods.discretized_logistic(levels),
        )
        return vj.trainer(vj.variants.vamp(model, 4), vj.objectives.iwae(3), optax.adam(learning_rate))

    result = vj.sweep(
        member,
        data,
        learning_rate=[3e-3, 1e-2],
        epochs=40,
        num_samples=8,
        batch_size=32,
    )
    assert len(result.programs) == 1
    assert improved(result).all()
    model, params = vj.extract(result, learning_rate=1e-2)
    assert_routes_meet(model, params, vj.Example(jnp.asarray(data.test[0] / (levels - 1), float)))


@pytest.mark.long
def test_a_conditional_negative_binomial_with_a_mixture_prior():
    """Counts of two kinds in two batches, to unequal totals: total and batch are the context."""
    kind, batch = RNG.integers(0, 2, 200), RNG.integers(0, 2, 200)
    share = np.array([[0.5, 0.2, 0.2, 0.1], [0.1, 0.2, 0.2, 0.5]])[kind] * np.where(batch[:, None], [2, 1, 1, 1], 1)
    total = RNG.integers(5, 60, 200)
    counts = RNG.poisson(total[:, None] * share / share.sum(1, keepdims=True)).astype(np.int32)
    context = {"total": counts.sum(1).astype(np.float32), "batch": np.eye(2, dtype=np.float32)[batch]}
    data = vj.data.arrays(counts, likelihood=vj.likelihoods.negative_binomial(), context=context)

    def member(beta, latent_size):
        decoder = vj.nets.library_sized(vj.nets.mlp(8), size=lambda c: c["total"], seen=lambda c: c["batch"])
        model = vj.vae(
            vj.nets.viewed(vj.nets.mlp(8), lambda x, context: (jnp.log1p(x), context["batch"])),
            decoder,
            data_shape=(4,),
            latent_size=latent_size,
            max_latent_size=2,
            prior=vj.priors.mixture(3),
            likelihood=vj.likelihoods.negative_binomial(),
        )
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

    result = vj.sweep(member, data, beta=[0.5, 1.0], latent_size=[1, 2], epochs=30, num_samples=8, batch_size=32)
    assert len(result.programs) == 1
    assert improved(result).all()
    model, params = vj.extract(result, beta=1.0, latent_size=2)
    example = jax.tree.map(lambda leaf: jnp.asarray(leaf[0], float), data.raw("test"))
    assert_routes_meet(model, params, example)
    means = vj.decode(model, params, jnp.zeros(2), example.context)
    np.testing.assert_allclose(means.sum(), example.context["total"], rtol=1e-5)


@pytest.mark.long
def test_a_spherical_posterior_in_a_grid_of_beta_and_latent_size():
    x = RNG.normal(size=(200, 2)) @ RNG.normal(size=(2, 4))
    data = vj.data.arrays((x / np.linalg.norm(x, axis=1, keepdims=True)), likelihood=vj.likelihoods.normal(0.3))

    def member(beta, latent_size):
        model = vj.vae(
            vj.nets.mlp(8),
            vj.nets.mlp(8),
            data_shape=(4,),
            latent_size=latent_size,
            max_latent_size=4,
            posterior=vj.posteriors.von_mises_fisher(),
            prior=vj.priors.uniform_sphere(),
            likelihood=vj.likelihoods.normal(0.3),
        )
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

    result = vj.sweep(member, data, beta=[0.5, 1.0], latent_size=[2, 4], epochs=40, num_samples=8, batch_size=32)
    assert len(result.programs) == 1
    assert improved(result).all()
    model, params = vj.extract(result, beta=1.0, latent_size=2)
    assert vj.sample(jax.random.key(0), model, params, jnp.zeros(4)).z.shape == (2,)
    assert_routes_meet(model, params, vj.Example(jnp.asarray(data.test[0], float)))
