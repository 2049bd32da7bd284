"""Constraints: what a step does to the multiplier, in closed form, and where it leads."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax.errors import Stopped

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(6, 4)) @ np.diag([2.0, 1.0, 0.5, 0.5])
ETA = 0.05
CONSTRAINED = {"geco": (vj.objectives.geco, "distortion"), "target_rate": (vj.objectives.target_rate, "rate")}
every = pytest.mark.parametrize("name", CONSTRAINED)


def model(**sizes):
    sizes = sizes or {"latent_size": 2}
    return vj.vae(vj.nets.mlp(), vj.nets.mlp(), data_shape=(4,), likelihood=vj.likelihoods.normal(0.7), **sizes)


def taught(name, target, eta=ETA, microbatches=1, multiplier=1.0):
    objective = CONSTRAINED[name][0](target, multiplier)
    optimizer = vj.by_name(optax.adam(2e-2), objective=optax.sgd(eta))
    return vj.trainer(model(), objective, optimizer, microbatches=microbatches)


@every
def test_a_step_multiplies_the_multiplier_by_exp_of_the_excess(name, float64):
    """lambda <- lambda exp(eta C), from any start, C the weighted mean of the batch less the target; three steps."""
    batch = vj.Example(jnp.asarray(X), weight=jnp.array([1.0, 0, 2, 0.5, 1, 1]))

    @jax.jit
    def steps(target, eta):
        trainer = taught(name, target, eta, multiplier=3.0)
        state, found = trainer.init(KEY, batch), []
        for key in jax.random.split(KEY, 3):
            before = state.params["objective"]["log_multiplier"]
            state, bound = trainer.step(key, state, batch)
            found.append((jnp.exp(before), jnp.exp(state.params["objective"]["log_multiplier"]), bound))
        return found

    found = steps(2.0, ETA)
    np.testing.assert_allclose(found[0][0], 3.0, rtol=1e-12)
    for before, after, bound in found:
        excess = getattr(bound, CONSTRAINED[name][1]) - 2.0
        np.testing.assert_allclose(after, before * np.exp(ETA * excess), rtol=1e-12)
        least = bound.rate if name == "geco" else bound.distortion
        np.testing.assert_allclose(bound.value, -(least + before * excess), rtol=1e-12)


@every
def test_the_model_ascends_the_bound_of_that_beta(name, float64):
    """The gradient of the model is that of elbo(beta), beta the weight of the rate; times lambda where D is weighed."""
    batch, multiplier = vj.Example(jnp.asarray(X)), 2.5
    made = CONSTRAINED[name][0](1.0, multiplier)
    params = made.init(KEY, model(), batch)

    def gradient(objective):
        return jax.grad(lambda params: objective.evaluate(KEY, model(), params, batch).value)(params)

    beta, scale = (1 / multiplier, multiplier) if name == "geco" else (multiplier, 1.0)
    found, plain = jax.jit(lambda: (gradient(made), gradient(vj.objectives.elbo(beta))))()
    for part in ("encoder", "decoder"):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, scale * b, rtol=1e-9, atol=1e-12), found[part], plain[part]
        )


@every
def test_pieces_of_a_batch_move_the_multiplier_as_the_whole(name, float64):
    batch = vj.Example(jnp.asarray(X), weight=jnp.array([1.0, 0, 2, 0.5, 1, 1]))

    @jax.jit
    def both():
        start = taught(name, 2.0).init(KEY, batch)
        return [taught(name, 2.0, microbatches=num).step(KEY, start, batch) for num in (1, 3)]

    (whole, _), (pieces, _) = both()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-11), pieces.params, whole.params)


def test_free_bits_are_paid_for_a_mean_over_the_batch_latent_by_latent(float64):
    """At levels below, amid and above the mean rates of two latents, themselves from the closed form of the draws."""
    weight = jnp.array([1.0, 0, 2, 0.5, 1, 1])
    batch = vj.Example(jnp.asarray(X), weight=weight)
    params = vj.init(KEY, model(), batch.x)

    @jax.jit
    def both(levels):
        rates = jax.vmap(lambda x: vj.sample(KEY, model(), params, x).rate)(batch.x)
        return rates, jax.vmap(lambda nats: vj.objectives.free_bits(nats).evaluate(KEY, model(), params, batch))(levels)

    rates = np.asarray(both(jnp.zeros(3))[0])
    mean = np.average(rates, axis=0, weights=weight)
    levels = np.array([0.9 * mean.min(), mean.mean(), 1.1 * mean.max()])
    found = both(jnp.asarray(levels))[1]
    paid = np.maximum(levels[:, None], mean).sum(1)
    np.testing.assert_allclose(found.value, -(found.distortion + paid), rtol=1e-12)
    by_example = [np.average(np.maximum(level, rates), axis=0, weights=weight).sum() for level in levels]
    assert np.min(by_example - paid) > 1e-3  # the other variant of the paper's term is told apart
    np.testing.assert_allclose(found.rate, mean.sum(), rtol=1e-12)


@every
def test_a_grid_of_targets_is_met_and_the_multiplier_stays_behind(name):
    """One program for all targets; the multiplier is in what training carries on, not in what is handed over."""
    low, high = (3.5, 4.2) if name == "geco" else (1.0, 2.0)
    rows = vj.data.arrays(np.tile(X, (20, 1)).astype(np.float32), likelihood=vj.likelihoods.normal())
    result = vj.sweep(
        lambda target: taught(name, target), rows, target=[low, high], epochs=100, batch_size=16, num_samples=2
    )
    assert len(result.programs) == 1
    held = result.dataset[f"history_{CONSTRAINED[name][1]}"].isel(epoch=slice(-50, None)).mean("epoch").values.ravel()
    np.testing.assert_allclose(held, [low, high], atol=0.1)
    assert result.params[0]["objective"]["log_multiplier"].shape == (2,)
    member = vj.extract(result, target=low)
    assert set(member.params) == {"encoder", "decoder", "prior_net", "posterior", "prior", "likelihood"}


@pytest.mark.long
def test_a_run_that_was_stopped_goes_on_with_the_multiplier_it_had(tmp_path):
    rows = vj.data.arrays(np.tile(X, (5, 1)).astype(np.float32), likelihood=vj.likelihoods.normal())
    settings: dict = {"target": [3.5], "epochs": 6, "batch_size": 8, "num_samples": 2}
    whole = vj.sweep(lambda target: taught("geco", target), rows, **settings)
    signals = iter([0, 0, 0])
    keeper = vj.Keeper(tmp_path, 0.0, lambda: next(signals, 15))
    with pytest.raises(Stopped):
        vj.sweep(lambda target: taught("geco", target), rows, keep=keeper, **settings)
    resumed = vj.sweep(lambda target: taught("geco", target), rows, keep=vj.Keeper(tmp_path), **settings)
    jax.tree.map(np.testing.assert_array_equal, whole.params, resumed.params)
    assert abs(resumed.params[0]["objective"]["log_multiplier"]).min() > 0
