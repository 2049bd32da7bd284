"""Planar flows: their determinant, the inverse that gives a density anywhere, their mean, and what trains with them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax.posteriors._planar import _share

KEY = jax.random.key(0)
FLOW = vj.posteriors.planar()


def stats_of(num, *, num_layers=2, size=1.0):
    return size * jax.random.normal(jax.random.key(5), (2 + 3 * num_layers, num)) - 0.2


@pytest.mark.parametrize("num", [1, 4])
def test_the_density_is_that_of_the_base_and_the_log_determinant(num, float64, monkeypatch):
    family, stats = vj.posteriors.planar(3), stats_of(num, num_layers=3)

    def drawn(noise):
        monkeypatch.setattr(jax.random, "normal", lambda *_: noise)
        return family.sample(KEY, (), stats)[0]

    noise = jax.random.normal(jax.random.key(3), (num,))
    z, jacobian = drawn(noise), jax.jacfwd(drawn)(noise)
    base = -0.5 * (noise @ noise) - 0.5 * num * np.log(2 * np.pi) - np.linalg.slogdet(jacobian)[1]
    assert family.log_prob((), stats, z)[0].item() == pytest.approx(base.item(), abs=1e-10)
    assert np.abs(z - stats[0] - jnp.exp(stats[1]) * noise).max() > 0.1


def test_where_a_layer_almost_folds_it_is_still_undone(float64):
    """w.v is within e^-12 of -1: a draw and its density agree to rounding over the slope at the fold."""
    stats = jnp.zeros((5, 2)).at[2].set(jnp.array([-3.0, 0.0])).at[3].set(jnp.array([4.0, 1.0]))
    family = vj.posteriors.planar(1)
    keys = jax.random.split(KEY, 200)
    z, along = jax.vmap(lambda key: family.sample(key, (), stats))(keys)
    np.testing.assert_allclose(jax.vmap(lambda z: family.log_prob((), stats, z))(z), along, atol=1e-8)
    assert np.max(along) > 2.5  # it does press the plane together


@pytest.mark.parametrize("num", [1, 3])
def test_at_a_free_point_first_derivatives_are_those_of_the_density(num, float64):
    """By central differences along random directions, to their error of 1e-9."""
    stats, z = stats_of(num), jnp.linspace(-1.0, 1.5, num)
    steps = 1e-5 * jax.random.normal(KEY, stats.shape), 1e-5 * jax.random.normal(jax.random.key(1), z.shape)

    @jax.jit
    def at(stats, z):
        return FLOW.log_prob((), stats, z)[0]

    for step in (steps, (steps[0], 0 * z), (0 * stats, steps[1])):
        slope = jax.jvp(at, (stats, z), step)[1]
        found = (at(stats + step[0], z + step[1]) - at(stats - step[0], z - step[1])) / 2
        assert slope.item() == pytest.approx(found.item(), rel=1e-6)


def test_a_layer_is_invertible_smooth_where_w_is_zero_and_nothing_at_zero_stats(float64):
    x = jnp.concatenate([-jnp.geomspace(1e-12, 30, 200), jnp.geomspace(1e-12, 30, 200), jnp.zeros(1)])
    share, slope = jax.vmap(jax.value_and_grad(_share))(x)
    assert np.all(x * share > -1)
    np.testing.assert_allclose(share[-1], 1 - np.exp(-1), rtol=1e-14)
    exact = np.where(np.abs(x) > 1e-3, np.log1p((1 - np.exp(-1)) * np.expm1(x)) / np.where(x == 0, 1, x), share)
    np.testing.assert_allclose(share, exact, rtol=1e-12)
    difference = (jax.vmap(_share)(x + 1e-5) - jax.vmap(_share)(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(slope, difference, atol=1e-7)
    stats, step = stats_of(3).at[3].set(0.0).at[6].set(0.0), jax.random.normal(KEY, (8, 3))

    @jax.jit
    def draw(stats):
        return FLOW.sample(KEY, (), stats)[0]

    change = (draw(stats + 1e-6 * step) - draw(stats - 1e-6 * step)) / 2e-6
    np.testing.assert_allclose(jax.jvp(draw, (stats,), (step,))[1], change, atol=1e-8)
    z = jnp.array([0.3, -1.0, 2.0])
    standard = jnp.sum(vj.priors.standard_normal().log_prob((), jnp.zeros((0, 3)), z))
    assert FLOW.log_prob((), jnp.zeros((8, 3)), z)[0].item() == pytest.approx(standard.item(), abs=1e-14)
    slope = jax.grad(lambda stats: FLOW.mean((), stats).sum() + FLOW.log_prob((), stats, z)[0])(jnp.zeros((8, 3)))
    assert np.all(np.isfinite(slope))


@pytest.mark.parametrize(("num", "num_layers", "off"), [(3, 1, 0.0), (1, 3, 0.0), (3, 2, 0.05)])
def test_the_mean_is_exact_for_one_layer_or_latent_and_else_close(num, num_layers, off, float64):
    """Within 4.5 standard errors of 40,000 draws; with two layers over three latents it is off by 0.05 at most."""
    family, stats = vj.posteriors.planar(num_layers), stats_of(num, num_layers=num_layers)
    keys = jax.random.split(KEY, 40_000)
    z = np.asarray(jax.jit(jax.vmap(lambda key: family.sample(key, (), stats)[0]))(keys))
    error = np.abs(z.mean(0) - family.mean((), stats))
    assert np.all(error <= off + 4.5 * z.std(0) / 200)
    plain = np.abs(z.mean(0) - stats[0])
    assert plain.max() > 0.05  # the mean of the normal is another


TRAINED = {
    "elbo": vj.objectives.elbo(),
    "dreg": vj.objectives.dreg(3),
    "stl": vj.objectives.stl(),
}


@pytest.mark.parametrize(
    ("objective", "vamped"),
    [
        ("stl", False),
        *(pytest.param(*row, marks=pytest.mark.long) for row in (("dreg", False), ("elbo", True), ("dreg", True))),
    ],
)
def test_it_trains_with_objectives_and_priors_that_want_its_density_anywhere(objective, vamped):
    """From -4 log 2 nats upwards, where the four pixels of an image are the same fair coin: log p is -log 2."""
    nets = vj.nets.mlp(8), vj.nets.mlp(8)
    model = vj.vae(*nets, data_shape=(4,), latent_size=2, posterior=FLOW, likelihood=vj.likelihoods.bernoulli())
    taught = vj.trainer(vj.variants.vamp(model, 3) if vamped else model, TRAINED[objective], optax.adam(3e-2))
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, (32, 1)).repeat(4, 1), jnp.float32)
    start = taught.init(KEY, vj.Example(x))

    @jax.jit
    def run(state):
        return jax.lax.scan(lambda s, key: taught.step(key, s, vj.Example(x)), state, jax.random.split(KEY, 150))

    end, bounds = run(start)
    assert np.all(np.isfinite(bounds.value))
    assert bounds.value[-20:].mean() > bounds.value[:5].mean() + 0.8
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), start.params["encoder"], end.params["encoder"])
    assert all(one > 1e-2 for one in jax.tree.leaves(moved))
