"""The sphere against 30 digits: densities, rates and their gradients; draws; what a mask and a grid make of it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.integrate
import scipy.special
import sphere_reference

import vaejax as vj
from vaejax import divergences, spheres
from vaejax.errors import VaejaxError
from vaejax.families import narrowed

KEY = jax.random.key(0)
FISHER, UNIFORM = vj.posteriors.von_mises_fisher(), vj.priors.uniform_sphere()
RATE = divergences.closed_form(FISHER, UNIFORM)
SIZES = (2, 3, 4, 5, 10, 50, 100, 200, 500)
KAPPAS = (0.0, 1e-6, 1e-3, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e6)
CASES = [(size, kappa) for size in SIZES for kappa in KAPPAS]


def stats_of(kappa, size, width=None):
    """kappa along the first axis."""
    return jnp.zeros((1, width or size)).at[0, 0].set(kappa / jnp.sqrt(size))


@functools.cache
def found(dtype):
    """What a law of each case, its size traced, says at its mode; and derivatives by kappa."""

    def one(kappa, size):
        active = jnp.where(jnp.arange(max(SIZES)) < size, 1.0, 0.0).astype(dtype)
        family, prior, mode = narrowed(FISHER, active), narrowed(UNIFORM, active), jnp.eye(1, max(SIZES))[0]

        def of(scale):
            stats = jnp.zeros((1, max(SIZES)), dtype).at[0, 0].set(scale)
            above_uniform = family.log_prob((), stats, mode)[0] - prior.log_prob((), stats[:0], mode)[0]
            rate = RATE((), stats, (), stats[:0], active)[0]
            return jnp.stack([above_uniform, family.mean((), stats)[0], rate])

        scale = kappa / jnp.sqrt(size)
        return of(scale), jax.jacrev(of)(scale) / jnp.sqrt(size), scale

    sizes, kappas = (np.array(a, dtype) for a in zip(*CASES, strict=True))
    values, slopes, scales = jax.jit(jax.vmap(one))(kappas, sizes)
    kappas = np.asarray(scales, float) * np.sqrt(np.asarray(sizes, float))  # after rounding, to which they are exact
    laws = [sphere_reference.law(int(size), float(k)) for size, k in zip(sizes, kappas, strict=True)]
    assert values.dtype == dtype
    return np.asarray(values, float), np.asarray(slopes, float), kappas, sphere_reference.Law(*np.array(laws).T)


@pytest.mark.parametrize(
    ("dtype", "close"),
    [(np.float64, 3e-14), (np.float32, 2e-5)],  # achieved: 1.6e-14, where Debye's expansion is cut off, and 1e-5
    ids=["float64", "float32"],
)
def test_densities_means_and_rates_have_the_relative_accuracy_of_their_numbers(dtype, close):
    """Also close to kappa 0, where they are of the size of kappa^2 / 2 d, and at kappa 1e6, where kappa cancels."""
    with jax.enable_x64(dtype is np.float64):
        values, slopes, kappas, law = found(dtype)
    areas = np.array([abs(sphere_reference.log_area(size)) for size, _ in CASES])
    assert np.all(np.abs(values[:, 0] - law.below) <= close * (np.abs(law.below) + areas))  # log area was taken off
    np.testing.assert_allclose(values[:, 1], law.mean, rtol=close)
    np.testing.assert_allclose(values[:, 2], law.rate, rtol=close)
    np.testing.assert_allclose(slopes[:, 0], law.away, rtol=close)
    across = law.mean / np.maximum(kappas, 1e-9)  # what the mean moves by, across mu: the largest entry of its Jacobian
    assert np.all(np.abs(slopes[:, 1] - law.slope) <= close * (law.slope + across))
    np.testing.assert_allclose(slopes[:, 2], kappas * law.slope, rtol=close)


def test_on_the_sphere_of_three_the_numbers_are_those_of_elementary_functions(float64):
    z = jnp.array([0.6, 0.0, -0.8])
    for kappa in (0.3, 2.5, 30.0):
        stats = stats_of(kappa, 3)
        log_density = np.log(kappa / (4 * np.pi * np.sinh(kappa))) + 0.6 * kappa
        assert FISHER.log_prob((), stats, z).item() == pytest.approx(log_density, abs=1e-13)
        np.testing.assert_allclose(FISHER.mean((), stats), [1 / np.tanh(kappa) - 1 / kappa, 0, 0], rtol=1e-13)
        rate = kappa / np.tanh(kappa) - 1 + np.log(kappa / np.sinh(kappa))
        assert RATE((), stats, (), stats[:0], jnp.ones(3)).item() == pytest.approx(rate, rel=1e-13)


def drawn(stats, num):
    keys = jax.random.split(jax.random.key(1), num)
    return jax.jit(lambda stats: jax.vmap(lambda key: FISHER.sample(key, (), stats)[0])(keys))(stats)


@pytest.mark.parametrize("size", [2, 3, 100, pytest.param(500, marks=pytest.mark.long)])
def test_draws_are_on_the_sphere_and_have_its_first_two_moments(size, float64):
    """E mu.z = A and E (mu.z)^2 = 1 - (d - 1) A / kappa, within 4.5 standard errors of 4,000 draws."""
    for kappa in (0.5, 5.0, 200.0, 1e5):
        z = np.asarray(drawn(stats_of(kappa, size), 4_000))
        np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-13)
        law = sphere_reference.law(size, kappa)
        away = 1 - z[:, 0]
        second = 2 * law.away - (size - 1) * law.mean / kappa  # of 1 - mu.z, less what is lost: E (1 - mu.z)^2
        for found, wanted in ((away, law.away), (away**2, second)):
            assert abs(found.mean() - wanted) <= 4.5 * found.std() / np.sqrt(len(z)) + 1e-14
        assert np.all(np.abs(z[:, 1:].mean(0)) <= 5 * z[:, 1:].std(0) / np.sqrt(len(z)))


@pytest.mark.parametrize(("size", "kappa"), [(2, 0.7), (2, 80.0), (3, 12.0), (7, 3.0), (60, 40.0), (400, 5000.0)])
def test_an_angle_is_moved_to_the_same_mass_of_the_other_law(size, kappa, float64):
    """Against the incomplete beta function and adaptive quadrature, which is good to 1e-12 of the mass."""
    uniform_mass = np.array([1e-4, 0.02, 0.3, 0.5, 0.7, 0.98, 1 - 1e-4])
    nearer = np.minimum(uniform_mass, 1 - uniform_mass)
    angles = np.arcsin(np.sqrt(scipy.special.betaincinv((size - 1) / 2, 0.5, 2 * nearer)))
    angles = np.where(uniform_mass > 0.5, np.pi - angles, angles)
    move = jax.jit(jax.vmap(lambda angle: spheres.moved_angle(angle, jnp.array(kappa), jnp.array(float(size)))))
    mode, reach = np.arccos(2 * kappa / (size - 2 + np.hypot(size - 2, 2 * kappa))), 20 / np.sqrt(kappa)

    def density(t):
        log_ratio = (size - 2) * np.log(np.sin(t) / np.sin(mode)) if size > 2 else 0.0
        return np.exp(kappa * (np.cos(t) - np.cos(mode)) + log_ratio)

    def mass(low, high):
        return scipy.integrate.quad(density, low, high, epsabs=0, epsrel=1e-12, limit=200)[0]

    for moved, wanted in zip(np.asarray(move(angles)), uniform_mass, strict=True):
        below, above = mass(max(0.0, mode - reach), moved), mass(moved, min(np.pi, mode + reach))
        assert below / (below + above) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("size", "kappa"), [(2, 0.3), (3, 4.0), (30, 30.0), pytest.param(500, 2000.0, marks=pytest.mark.long)]
)
def test_the_gradient_through_a_draw_has_the_expectation_of_the_gradient(size, kappa, float64):
    """d/ds E mu.z, along mu and across it, within 4.5 standard errors of 2,000 draws: A' sqrt(d) and A / |s|."""

    def slopes(key):
        jacobian = jax.jacfwd(lambda stats: FISHER.sample(key, (), stats)[0])(stats_of(kappa, size))[:, 0]
        return jnp.stack([jacobian[0, 0], jacobian[1, 1]]) / jnp.sqrt(size)

    found = np.asarray(jax.jit(jax.vmap(slopes))(jax.random.split(KEY, 2_000)))
    law = sphere_reference.law(size, kappa)
    wanted = np.array([law.slope, law.mean / kappa])
    assert np.all(np.abs(found.mean(0) - wanted) <= 4.5 * found.std(0) / np.sqrt(len(found)))
    assert np.all(found.std(0) < 3 * np.maximum(wanted, law.mean / kappa))  # and it is not lost in noise


@pytest.mark.parametrize("size", [2, 3, 40])
@pytest.mark.parametrize("scale", [0.0, 1e-5, 0.1, 3.0, 1e3])
def test_a_draw_is_a_smooth_function_of_the_stats(size, scale, float64):
    """Central differences at one key, to their own error of about 1e-8 of the slope; at s = 0 too."""
    stats = scale * jax.random.normal(jax.random.key(3), (1, size))
    step = max(scale, 1.0) * 1e-6 * jax.random.normal(jax.random.key(4), (1, size))

    @jax.jit
    def draw(stats):
        return FISHER.sample(KEY, (), stats)[0]

    slope = jax.jvp(draw, (stats,), (step,))[1]
    difference = (draw(stats + step) - draw(stats - step)) / 2
    assert np.all(np.isfinite(slope))
    np.testing.assert_allclose(slope, difference, atol=1e-7 * np.linalg.norm(slope) + 3e-16)
    if scale == 0:
        np.testing.assert_allclose(draw(stats), UNIFORM.sample(KEY, (), stats[:0])[0], rtol=1e-14)


def test_in_float32_draws_and_gradients_are_finite_and_right_at_any_kappa():
    """The gradient of a draw by s, against float64 at the same uniform draw: to 1e-3 of its length at kappa 1e6."""

    def jacobians(dtype, noise):
        def one(kappa, noise):
            def draw(stats):
                size = jnp.asarray(noise.shape[0], dtype)
                tilt = jnp.sqrt(size) * stats[0]
                kappa = jnp.sqrt(tilt @ tilt)
                along = noise @ tilt / kappa
                across = noise - along * tilt / kappa
                length = jnp.linalg.norm(across)
                angle = spheres.moved_angle(jnp.arctan2(length, along), kappa, size)
                return jnp.cos(angle) * tilt / kappa + jnp.sin(angle) * across / length

            stats = kappa * jnp.ones((1, noise.shape[0]), dtype) / noise.shape[0]
            return draw(stats), jax.jacfwd(draw)(stats)[:, 0]

        return jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(jnp.array([1.0, 30.0, 1e3, 1e6], dtype), noise)

    for size in (2, 5, 100):
        noise = np.random.default_rng(0).normal(size=(20, size))
        noise = (noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float32)
        z, slope = jacobians(np.float32, jnp.asarray(noise))
        with jax.enable_x64(True):
            exact_z, exact = jacobians(np.float64, jnp.asarray(noise, np.float64))
        assert slope.dtype == np.float32
        np.testing.assert_allclose(z, exact_z, atol=1e-6)
        slope, exact = np.asarray(slope), np.asarray(exact)
        error = np.linalg.norm(slope - exact, axis=(2, 3)) / np.linalg.norm(exact, axis=(2, 3))
        assert error.max() < 1e-3


def test_one_latent_is_refused_where_it_is_known_and_no_number_where_it_is_traced():
    nets = vj.nets.mlp(4), vj.nets.mlp(4)
    families = {"posterior": FISHER, "prior": UNIFORM}
    with pytest.raises(VaejaxError, match="a sphere needs 2 latents or more, got 1"):
        vj.vae(*nets, data_shape=(4,), latent_size=1, max_latent_size=3, **families)
    for family in (FISHER, UNIFORM):
        with pytest.raises(VaejaxError, match="a sphere needs 2 latents or more, got 1"):
            family.sample(KEY, (), jnp.ones((family.num_stats, 1)))

    @jax.jit
    def of(size):
        active = jnp.where(jnp.arange(3) < size, 1.0, 0.0)
        stats = active[None]
        return RATE((), stats, (), stats[:0], active), narrowed(UNIFORM, active).log_prob((), stats[:0], active)

    assert not np.any(np.isnan(of(2)))
    assert np.all(np.isnan(of(1)))


def member(beta, latent_size, max_latent_size=4):
    model = vj.vae(
        vj.nets.mlp(12),
        vj.nets.mlp(12),
        data_shape=(6,),
        latent_size=latent_size,
        max_latent_size=max_latent_size,
        posterior=vj.posteriors.von_mises_fisher(),
        prior=vj.priors.uniform_sphere(),
        likelihood=vj.likelihoods.bernoulli(),
    )
    return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(2e-2))


@pytest.mark.long
def test_a_grid_of_spheres_is_one_program_that_learns_and_its_members_are_those_alone(float64):
    rng = np.random.default_rng(0)
    turn = rng.uniform(0, 2 * np.pi, 160)
    logits = 4 * np.cos(turn[:, None] - np.arange(6) * np.pi / 3)  # six pixels that know an angle
    rows = (rng.uniform(size=logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.uint8)
    run = {"epochs": 10, "batch_size": 32, "num_samples": 2}
    grid = vj.sweep(member, rows, beta=[0.5, 1.0, 50.0], latent_size=[2, 4], **run)
    assert grid.dataset.attrs["num_programs"] == 1
    elbo, rate = grid.dataset.elbo.squeeze("seed"), grid.dataset.rate.squeeze("seed")
    independent = 6 * np.log(0.5)  # what no latent can say
    assert float(elbo.sel(beta=1.0, latent_size=2)) > independent + 0.3
    assert np.all(rate.sel(beta=0.5) > rate.sel(beta=1.0))
    assert np.all(rate.sel(beta=50.0) < 0.05)
    alone, table = vj.fit(member(1.0, 2, None), rows, **run)
    assert float(elbo.sel(beta=1.0, latent_size=2)) == pytest.approx(table.dataset.elbo.item(), rel=1e-8)
    small = vj.extract(grid, beta=1.0, latent_size=2)
    x = jnp.asarray(rows[0], float)
    code = vj.encode(*small, x)
    np.testing.assert_allclose(code, vj.encode(*alone, x), rtol=1e-6)
    assert 0 < np.linalg.norm(code) < 1
