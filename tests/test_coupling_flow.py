"""A flow of splines as a prior: its determinant, its inverse, its mask, what it can fit, and a model that has it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.integrate

import vaejax as vj
from vaejax.errors import VaejaxError
from vaejax.families import narrowed
from vaejax.priors._rational_spline import backward, forward

KEY = jax.random.key(0)
FLOW = vj.priors.coupling_flow(hidden=8)


def far_params(num, flow=FLOW, size=0.7):
    """Far from where it starts, in every entry."""
    leaves, tree = jax.tree.flatten(flow.init(KEY, (num,)))
    keys = jax.random.split(jax.random.key(7), len(leaves))
    return tree.unflatten([a + size * jax.random.normal(k, a.shape) for k, a in zip(keys, leaves, strict=True)])


def none(num):
    return jnp.zeros((0, num))


def test_a_spline_is_monotone_smooth_at_its_knots_and_undone_by_its_inverse(float64):
    raw = 2 * jax.random.normal(KEY, (23,))
    x = jnp.linspace(-4, 4, 4001)
    y, log_slope = jax.vmap(lambda x: forward(x, raw, 3.0))(x)
    again, log_slope_there = jax.vmap(lambda y: backward(y, raw, 3.0))(y)
    np.testing.assert_allclose(again, x, atol=1e-11)  # rounding, over slopes down to 1e-3
    np.testing.assert_allclose(log_slope_there, log_slope, atol=1e-9)
    assert np.all(np.diff(y) > 0)
    slope = jax.vmap(jax.grad(lambda x: forward(x, raw, 3.0)[0]))(x)
    np.testing.assert_allclose(np.exp(log_slope), slope, rtol=1e-9)
    assert np.abs(y - x).max() > 1
    outside = np.abs(x) >= 3
    np.testing.assert_array_equal(y[outside], x[outside])
    knots = -3 + 6 * np.cumsum(1e-3 / 8 + (1 - 1e-3) * np.asarray(jax.nn.softmax(raw[:8])))
    for knot in knots:
        sides = [forward(jnp.array(knot + side), raw, 3.0) for side in (-1e-11, 1e-11)]
        np.testing.assert_allclose(sides[0], sides[1], atol=1e-6)
    np.testing.assert_allclose(jax.vmap(lambda x: forward(x, jnp.zeros(23), 3.0)[0])(x), x, atol=1e-14)


@pytest.mark.parametrize("num", [1, 2, pytest.param(5, marks=pytest.mark.long)])
def test_the_density_is_that_of_the_base_and_the_log_determinant(num, float64, monkeypatch):
    params = far_params(num)

    def drawn(noise):
        monkeypatch.setattr(jax.random, "normal", lambda *_: noise)
        return FLOW.sample(KEY, params, none(num))[0]

    noise = jax.random.normal(jax.random.key(3), (num,))
    z, jacobian = drawn(noise), jax.jacfwd(drawn)(noise)
    base = -0.5 * (noise @ noise) - 0.5 * num * np.log(2 * np.pi)
    found = FLOW.log_prob(params, none(num), z)[0]
    assert found.item() == pytest.approx(base.item() - np.linalg.slogdet(jacobian)[1], abs=1e-10)
    assert np.abs(z - noise).min() > 1e-3  # every latent is moved


def test_of_one_latent_it_sums_to_one_between_its_kinks(float64):
    """To 1e-9, by adaptive quadrature; the grids of the table do not know where its density has kinks."""
    params = far_params(1)
    at = jax.jit(lambda z: jnp.exp(FLOW.log_prob(params, none(1), z[None])[0]))
    whole = sum(scipy.integrate.quad(lambda z: float(at(z)), low, low + 1, limit=200)[0] for low in range(-9, 9))
    assert whole == pytest.approx(1, abs=1e-8)


def test_masked_it_is_the_smaller_one(float64):
    active = jnp.array([1.0, 1.0, 1.0, 0.0, 0.0])
    wide, start = narrowed(FLOW, active), FLOW.init(KEY, (3,))
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(a[tuple(slice(n) for n in b.shape)], b),
        wide.init(KEY, (5,)),
        start,
    )
    whole = jax.tree.map(lambda a: a + 0.5, wide.init(KEY, (5,)))
    small = jax.tree.map(lambda a, b: a[tuple(slice(n) for n in b.shape)], whole, start)

    def cost(params, family, num):
        z, along = family.sample(jax.random.key(3), params, none(num))
        return jnp.sum(along) + jnp.sum(family.log_prob(params, none(num), 0.3 + 0.5 * z)), z

    (found, z), slope = jax.value_and_grad(cost, has_aux=True)(whole, wide, 5)
    (wanted, small_z), small_slope = jax.value_and_grad(cost, has_aux=True)(small, FLOW, 3)
    assert found.item() == pytest.approx(wanted.item(), rel=1e-12)
    np.testing.assert_allclose(z, jnp.pad(small_z, (0, 2)), rtol=1e-12)

    def same(a, b):
        np.testing.assert_allclose(a[tuple(slice(n) for n in b.shape)], b, rtol=1e-9, atol=1e-12)
        assert np.abs(np.asarray(a)).sum() == pytest.approx(np.abs(np.asarray(b)).sum(), rel=1e-9)  # no more beyond

    jax.tree.map(same, slope, small_slope)


@pytest.mark.long
def test_its_values_and_gradients_are_finite_at_extreme_parameters_in_float32():
    start = FLOW.init(KEY, (2,))
    for size in (1e-30, 10.0, 1e3):
        params = jax.tree.map(lambda a, size=size: a + size * jnp.cos(jnp.arange(a.size)).reshape(a.shape), start)
        for z in ([0.0, 5.0], [-5.0, 4.9999995], [1e4, -1e4], [0.3, -0.2]):
            found = jax.value_and_grad(lambda p, z: FLOW.log_prob(p, none(2), z)[0], (0, 1))(params, jnp.array(z))
            drawn = FLOW.sample(KEY, params, none(2))
            assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((found, drawn)))


@pytest.mark.long
def test_it_fits_two_modes_that_no_normal_does(float64):
    """From two normals at +-(2, 2), of scale 1/2, the best normal is 1.05 nats away; the flow a fifth of it at most."""
    rng = np.random.default_rng(0)
    data = rng.choice([-2.0, 2.0], (2000, 1)) + 0.5 * rng.normal(size=(2000, 2))
    modes = np.exp(-2 * ((data[:, None] - np.array([[2.0, 2.0], [-2.0, -2.0]])) ** 2).sum(-1)).sum(1)
    entropy = -np.mean(np.log(modes * 2 / np.pi / 2))
    optimizer, data = optax.adam(3e-2), jnp.asarray(data)

    def loss(params):
        return -jnp.mean(jax.vmap(lambda z: FLOW.log_prob(params, none(2), z)[0])(data))

    def step(carry, _):
        params, state = carry
        value, slope = jax.value_and_grad(loss)(params)
        change, state = optimizer.update(slope, state)
        return (optax.apply_updates(params, change), state), value

    params = FLOW.init(KEY, (2,))
    _, values = jax.jit(lambda p: jax.lax.scan(step, (p, optimizer.init(p)), None, length=150))(params)
    covariance = np.cov(data.T)
    normal = 1 + np.log(2 * np.pi) + 0.5 * np.linalg.slogdet(covariance)[1]  # its cross entropy, at its best
    assert normal - entropy > 0.5
    assert values[-1] - entropy < 0.2 * (normal - entropy)


def test_one_layer_is_refused_and_it_is_no_posterior():
    with pytest.raises(VaejaxError, match="num_layers must be at least 2"):
        vj.priors.coupling_flow(1)
    nets = vj.nets.mlp(4), vj.nets.mlp(4)
    with pytest.raises(VaejaxError, match="the mean of coupling_flow is not known"):
        vj.vae(*nets, data_shape=(4,), latent_size=2, posterior=FLOW)


@pytest.mark.long
def test_a_grid_of_models_with_it_is_one_program_and_all_of_it_learns():
    """That a member is the smaller model is in test_latent_mask.py."""

    def member(beta, latent_size):
        sizes = {"latent_size": latent_size, "max_latent_size": 3}
        nets, prior = (vj.nets.mlp(6), vj.nets.mlp(6)), vj.priors.coupling_flow(2, 4, hidden=4)
        model = vj.vae(*nets, data_shape=(4,), prior=prior, likelihood=vj.likelihoods.bernoulli(), **sizes)
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

    rows = np.random.default_rng(0).integers(0, 2, (40, 4)).astype(np.uint8)
    grid = vj.sweep(member, rows, beta=[0.5, 1.0], latent_size=[1, 2], epochs=2, batch_size=8, num_samples=2)
    assert grid.dataset.attrs["num_programs"] == 1
    assert np.all(np.isfinite(grid.dataset.elbo))
    taught, batch = member(1.0, 2), vj.Example(jnp.asarray(rows[:8], float))
    state = taught.init(KEY, batch)
    after, _ = taught.step(KEY, state, batch)
    moved = [
        np.abs(a - b).max() for a, b in zip(*(jax.tree.leaves(s.params["prior"]) for s in (state, after)), strict=True)
    ]
    assert len(moved) == 8
    assert sum(m > 1e-3 for m in moved) >= 7  # a bias may start where nothing is seen
