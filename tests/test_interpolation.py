"""Paths against geodesics known on paper, lengths and volumes against calculus, directions against scikit-learn."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import sklearn.linear_model

import vaejax as vj
from vaejax import latent
from vaejax.errors import VaejaxError

pytestmark = pytest.mark.usefixtures("float64")
RNG = np.random.default_rng(0)
KEY = jax.random.key(0)


def sphere(z):
    """Latitude and longitude."""
    return jnp.stack([jnp.cos(z[0]) * jnp.cos(z[1]), jnp.cos(z[0]) * jnp.sin(z[1]), jnp.sin(z[0])])


def warped(z):
    return jnp.tanh(jnp.asarray(WEIGHTS[1]) @ jnp.tanh(jnp.asarray(WEIGHTS[0]) @ z))


WEIGHTS = RNG.normal(size=(16, 3)), 0.4 * RNG.normal(size=(5, 16))


def in_x(decode, path):
    return float(latent.length(jax.vmap(decode)(path)))


def turned(size):
    return np.linalg.qr(RNG.normal(size=(size, size)))[0]


PATHS = {
    "linear": latent.linear,
    "spherical": latent.spherical,
    "latent by latent": latent.latent_by_latent,
    "density": latent.density_following(lambda z: -0.5 * jnp.sum(z**2), 0.3, num_steps=4),
    "geodesic": latent.geodesic(lambda z: jnp.tanh(z).reshape(-1), num_steps=3),
}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("shape", [(3,), (2, 2)])
def test_every_path_has_the_codes_for_its_ends_and_is_the_same_mapped(name, shape):
    z0, z1 = jnp.asarray(RNG.normal(size=(2, 4, *shape)))
    found = jax.jit(jax.vmap(lambda a, b: PATHS[name](a, b, 5)))(z0, z1)
    assert found.shape == (4, 5, *shape)
    np.testing.assert_array_equal(found[:, 0], z0)
    np.testing.assert_array_equal(found[:, -1], z1)
    np.testing.assert_allclose(found[2], PATHS[name](z0[2], z1[2], 5), atol=1e-9)


@pytest.mark.parametrize("name", ["linear", "spherical", "density", "geodesic"])
def test_there_and_back_is_one_way_and_nothing_between_equal_codes(name):
    z0, z1 = jnp.asarray(RNG.normal(size=(2, 3)))
    path = jax.jit(PATHS[name], static_argnums=2)
    np.testing.assert_allclose(path(z0, z1, 5), path(z1, z0, 5)[::-1], atol=1e-6)
    np.testing.assert_allclose(path(z0, z0, 5), np.stack([z0] * 5), atol=1e-9)
    assert np.isfinite(path(jnp.zeros(3), z1, 5)).all()


def test_latents_out_of_use_stay_zero():
    z0, z1 = (jnp.zeros(3).at[:2].set(RNG.normal(size=2)) for _ in range(2))
    for path in PATHS.values():
        assert (path(z0, z1, 5)[:, 2] == 0).all()
        assert (path(z0, -z0, 5)[:, 2] == 0).all()


def test_slerp_is_the_great_circle_at_constant_speed_and_turns_with_the_axes():
    z0, z1 = (a / np.linalg.norm(a) for a in RNG.normal(size=(2, 6)))
    angle, t = np.arccos(z0 @ z1), np.linspace(0, 1, 7)[:, None]
    shoemake = (np.sin((1 - t) * angle) * z0 + np.sin(t * angle) * z1) / np.sin(angle)
    np.testing.assert_allclose(latent.spherical(jnp.asarray(z0), jnp.asarray(z1), 7), shoemake, atol=1e-12)
    q = turned(6)
    found = latent.spherical(jnp.asarray(q @ z0), jnp.asarray(q @ (3 * z1)), 7)
    np.testing.assert_allclose(found, (1 + 2 * t) * shoemake @ q.T, atol=1e-12)


@pytest.mark.parametrize(
    ("z0", "z1", "middle"),
    [
        ([0.0, 0.0], [2.0, 0.0], [1.0, 0.0]),  # zero takes the other's direction
        ([0.0, 2.0], [0.0, 0.0], [0.0, 1.0]),
        ([0.0, 0.0], [0.0, 0.0], [0.0, 0.0]),
        ([1.0, 2.0], [-2.0, -4.0], [-0.5, -1.0]),  # opposite: straight through 0
        ([3.0, 0.0], [3.0, 0.0], [3.0, 0.0]),
    ],
)
def test_slerp_where_the_great_circle_is_not_one(z0, z1, middle):
    found = latent.spherical(jnp.array(z0), jnp.array(z1), 3)
    np.testing.assert_allclose(found[1], middle, atol=1e-12)
    slope = jax.jacobian(lambda z: latent.spherical(z, jnp.array(z1), 3))(jnp.array(z0))
    assert np.isfinite(slope).all()


def test_slerp_keeps_the_norm_of_normal_draws_and_a_line_does_not():
    z0, z1 = jnp.asarray(RNG.normal(size=(2, 400)))
    middles = {name: float(jnp.linalg.norm(PATHS[name](z0, z1, 3)[1])) for name in ("linear", "spherical")}
    assert middles["spherical"] == pytest.approx(20, abs=1.5)
    assert middles["linear"] == pytest.approx(20 / np.sqrt(2), abs=1.5)


def test_between_discrete_codes_every_point_is_a_code():
    z0, z1 = (jnp.eye(3)[jnp.array(which)] for which in ([0, 1, 2, 0], [2, 1, 0, 1]))
    path = latent.latent_by_latent(z0, z1, 5)
    np.testing.assert_array_equal(path.sum(-1), 1)
    assert set(np.unique(path)) == {0.0, 1.0}


def test_of_a_linear_decoder_the_geodesic_is_the_line():
    w = jnp.asarray(RNG.normal(size=(7, 3)))
    z0, z1 = jnp.asarray(RNG.normal(size=(2, 3)))
    path = latent.geodesic(lambda z: w @ z + 1.0)(z0, z1, 9)
    np.testing.assert_allclose(path, latent.linear(z0, z1, 9), atol=1e-9)
    assert in_x(lambda z: w @ z + 1.0, path) == pytest.approx(np.linalg.norm(w @ (z1 - z0)), abs=1e-9)
    np.testing.assert_allclose(latent.metric(lambda z: w @ z, z0), w.T @ w, atol=1e-12)


def test_of_a_sphere_the_geodesic_is_the_great_circle():
    z0, z1 = jnp.array([0.8, 0.0]), jnp.array([0.9, 2.0])
    path = latent.geodesic(sphere, num_pieces=64)(z0, z1, 400)
    x = jax.vmap(sphere)(path)
    assert in_x(sphere, path) == pytest.approx(np.arccos(x[0] @ x[-1]), rel=1e-4)
    assert in_x(sphere, latent.linear(z0, z1, 400)) > 1.1 * np.arccos(x[0] @ x[-1])
    normal = np.cross(x[0], x[-1])
    assert np.abs(x @ normal / np.linalg.norm(normal)).max() < 0.01  # all in one plane
    steps = np.linalg.norm(np.diff(x, axis=0), axis=1)
    assert steps.max() < 1.05 * steps.min()


def test_a_geodesic_is_that_of_the_surface_not_of_its_coordinates():
    """The same surface by other latents, u = A z: the same curve, of one length."""
    a = np.array([[2.0, 0.7], [0.1, -0.5]])
    z0, z1 = np.array([0.8, 0.0]), np.array([0.9, 2.0])
    path = latent.geodesic(sphere)(jnp.asarray(z0), jnp.asarray(z1), 50)
    other = latent.geodesic(lambda u: sphere(jnp.linalg.solve(a, u)))(jnp.asarray(a @ z0), jnp.asarray(a @ z1), 50)
    np.testing.assert_allclose(jax.vmap(sphere)(path), jax.vmap(sphere)(jnp.linalg.solve(a, other.T).T), atol=2e-3)


@functools.cache
def lengths_of_many():
    def one(z0, z1):
        paths = latent.linear(z0, z1, 33), latent.geodesic(warped)(z0, z1, 33)
        return jnp.stack([latent.length(jax.vmap(warped)(path)) for path in paths])

    return jax.jit(jax.vmap(one))(*jnp.asarray(3 * RNG.normal(size=(2, 20, 3)))).T


def test_a_geodesic_is_never_longer_than_the_line_and_mostly_shorter():
    line, shortest = lengths_of_many()
    assert (shortest <= line + 1e-9).all()
    assert np.mean(shortest / line) < 0.97


def test_the_length_of_a_curve_is_its_integral_however_it_is_run_through():
    def z(t):
        return jnp.stack([jnp.sin(2 * t), t**2, 1 - t])

    def speed(t):
        return float(jnp.linalg.norm(jax.jvp(lambda t: warped(z(t)), (t,), (1.0,))[1]))

    expected = scipy.integrate.quad(speed, 0.0, 1.0)[0]
    t = jnp.linspace(0, 1, 2001)
    for run in (t, t**3, jnp.sin(0.5 * jnp.pi * t)):
        assert in_x(warped, jax.vmap(z)(run)) == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(jax.grad(lambda a: latent.length(jnp.stack([a, a, 2 * a])))(jnp.ones(2))).all()


def test_the_volume_of_a_sphere_is_four_pi():
    area = scipy.integrate.quad(lambda lat: float(jnp.exp(latent.log_volume(sphere, jnp.array([lat, 0.3])))), -1.5, 1.5)
    assert 2 * np.pi * area[0] == pytest.approx(4 * np.pi * np.sin(1.5), rel=1e-6)


def test_latents_out_of_use_have_no_volume():
    w = jnp.asarray(RNG.normal(size=(7, 2)))
    active = jnp.array([1.0, 0.0, 1.0])
    found = latent.log_volume(lambda z: w @ z[jnp.array([0, 2])], jnp.ones(3), active)
    assert found == pytest.approx(0.5 * np.linalg.slogdet(w.T @ w)[1])
    assert latent.log_volume(lambda z: w @ z[:2], jnp.ones(3)) < -30


def test_in_the_hyperbolic_plane_density_is_followed_along_circles():
    """Weights 1 / z_2 are its metric; its geodesics are half circles around points of the axis."""
    z0, z1 = jnp.array([-1.0, 0.5]), jnp.array([1.5, 1.0])
    path = latent.density_following(lambda z: jnp.log(z[1]), 1.0, num_pieces=96)(z0, z1, 41)
    middle = (z1 @ z1 - z0 @ z0) / (2 * (z1[0] - z0[0]))
    radius = np.hypot(z0[0] - middle, z0[1])
    np.testing.assert_allclose(np.hypot(path[:, 0] - middle, path[:, 1]), radius, atol=0.01)


def test_density_is_followed_as_far_as_it_counts():
    z0, z1 = 3 * jnp.eye(8)[0], 3 * jnp.eye(8)[1]

    def nearest(strength):
        path = latent.density_following(lambda z: -0.5 * z @ z, strength, num_steps=5)(z0, z1, 21)
        return float(jnp.min(jnp.linalg.norm(path, axis=1)))

    np.testing.assert_allclose(nearest(0.0), 3 / np.sqrt(2), atol=1e-9)
    assert nearest(0.0) > nearest(0.1) + 0.1 > nearest(0.5) + 0.2


def test_a_density_may_be_as_low_as_it_likes():
    def shifted(by):
        return latent.density_following(lambda z: -0.5 * z @ z - by, 0.3, num_steps=5)(
            jnp.array([2.0, 0.0]), jnp.array([0.0, 2.0]), 9
        )

    np.testing.assert_allclose(shifted(0.0), shifted(1e4), atol=1e-6)


@pytest.fixture(scope="module")
def made():
    net = vj.nets.mlp(8)
    model = vj.vae(net, net, data_shape=(4,), latent_size=2)
    return model, vj.init(KEY, model, jnp.zeros((1, 4)))


@pytest.fixture(scope="module")
def told():
    net = vj.nets.mlp(8)
    model = vj.vae(net, net, data_shape=(4,), latent_size=2)
    return model, vj.init(KEY, model, vj.Example(jnp.zeros((1, 4)), jnp.zeros((1, 3))))


def test_interpolation_starts_and_ends_at_reconstructions_and_maps_over_seeds(made):
    model, params = made
    x0, x1 = jnp.asarray(RNG.random((2, 4)))
    path = latent.geodesic(functools.partial(vj.decode, model, params), num_steps=2)
    found = latent.interpolate(model, params, x0, x1, path=path, num=4)
    np.testing.assert_allclose(found[0], vj.reconstruct(model, params, x0), atol=1e-6)
    np.testing.assert_allclose(found[-1], vj.reconstruct(model, params, x1), atol=1e-6)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), params)

    def of_seed(params):
        path = latent.geodesic(functools.partial(vj.decode, model, params), num_steps=2)
        return latent.interpolate(model, params, x0, x1, path=path, num=4)

    np.testing.assert_allclose(jax.jit(jax.vmap(of_seed))(stacked)[0], found, atol=1e-6)


def test_interpolation_is_in_one_context(told):
    model, params = told
    x0, x1 = jnp.asarray(RNG.random((2, 4)))
    here, there = jnp.eye(3)[0], jnp.eye(3)[1]

    def between(first, last):
        return latent.interpolate(model, params, vj.Example(x0, first), vj.Example(x1, last), num=3)

    expected = vj.decode(model, params, vj.encode(model, params, vj.Example(x1, here)), here)
    np.testing.assert_allclose(between(here, here)[-1], expected, atol=1e-6)
    for other in (there, None, jnp.zeros(2)):
        with pytest.raises(VaejaxError, match="two examples of one context"):
            between(here, other)
    traced = jax.jit(between)
    np.testing.assert_allclose(traced(here, here), between(here, here), atol=1e-6)
    assert np.isnan(traced(here, there)).all()


def test_a_difference_of_means_is_numpys_and_a_probe_is_scikit_learns():
    codes = RNG.normal(size=(300, 3)) @ np.array([[1.0, 0.8, 0.0], [0.0, 0.6, 0.0], [0.0, 0.0, 1.0]])
    has = codes[:, 0] + 0.3 * RNG.normal(size=300) > 0
    means = codes[has].mean(0) - codes[~has].mean(0)
    np.testing.assert_allclose(latent.attribute_direction(jnp.asarray(codes), jnp.asarray(has)), means, atol=1e-12)
    found = np.asarray(latent.probe_direction(jnp.asarray(codes), jnp.asarray(has)))
    normal = sklearn.linear_model.LogisticRegression(C=2.0, tol=1e-10).fit(codes, has).coef_[0]  # two rows of weights
    np.testing.assert_allclose(found / np.linalg.norm(found), normal / np.linalg.norm(normal), atol=1e-4)
    assert found @ found == pytest.approx(found @ means)  # as far as the means are apart along it
    assert abs(means[1]) > 5 * abs(found[1])  # the second latent only goes with the first


def test_to_move_by_nothing_is_to_reconstruct(made):
    model, params = made
    x, direction = jnp.asarray(RNG.random(4)), jnp.array([1.0, -2.0])
    np.testing.assert_array_equal(latent.moved(model, params, x, direction, 0.0), vj.reconstruct(model, params, x))
    expected = vj.decode(model, params, vj.encode(model, params, x) + 1.5 * direction)
    np.testing.assert_array_equal(latent.moved(model, params, x, direction, 1.5), expected)


def test_a_traversal_moves_one_latent_in_a_row_in_the_order_of_rates(made):
    model, params = made
    x, values = jnp.asarray(RNG.random(4)), jnp.array([-1.0, 0.5])
    found = latent.traversal(model, params, x, jnp.array([0.1, 0.7]), values=values)
    assert found.latents.tolist() == [1, 0]
    z = vj.encode(model, params, x)
    np.testing.assert_allclose(found.images[0, 1], vj.decode(model, params, z.at[1].set(0.5)), atol=1e-6)
    np.testing.assert_allclose(found.images[1, 0], vj.decode(model, params, z.at[0].set(-1.0)), atol=1e-6)


def one_hot():
    net = vj.nets.mlp(8)
    families = {"posterior": vj.posteriors.categorical(3), "prior": vj.priors.uniform_categorical(3)}
    model = vj.vae(net, net, data_shape=(4,), latent_size=2, **families)
    return model, vj.init(KEY, model, jnp.zeros((1, 4)))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda *_: latent.linear(jnp.zeros(2), jnp.zeros(3), 4), r"one shape, like \(8,\), got \(2,\) and \(3,\)"),
        (lambda *_: latent.spherical(jnp.zeros(2), jnp.zeros(2), 1), "num must be at least 2"),
        (lambda *_: latent.geodesic(sphere, num_steps=0), "num_steps must be at least 1"),
        (lambda *_: latent.density_following(sphere, -1.0), "strength must be a number of at least 0"),
        (lambda m, p: latent.interpolate(m, p, jnp.zeros(4), jnp.zeros(5)), r"one example of shape \(4,\)"),
        (lambda m, p: latent.moved(m, p, jnp.zeros(4), jnp.zeros(3)), r"the shape of a code, \(2,\), got \(3,\)"),
        (lambda m, p: latent.traversal(m, p, jnp.zeros(4), jnp.zeros(3)), "a rate for each of 2 latents"),
        (lambda *_: latent.traversal(*one_hot(), jnp.zeros(4), jnp.zeros(2)), "latents of one number each"),
        (lambda *_: latent.attribute_direction(jnp.zeros((3, 2)), jnp.ones(3, bool)), "all 3 have it or none"),
        (lambda *_: latent.attribute_direction(jnp.zeros((3, 2)), jnp.array([0, 1, 2])), "one truth value for each"),
    ],
)
def test_what_has_no_answer_is_refused_in_a_sentence(made, call, said):
    with pytest.raises(VaejaxError, match=said):
        call(*made)


def test_every_kind_of_model_can_be_gone_through():
    """A sphere, a hierarchy, one-hot latents: ends are reconstructions, and what lies between is finite."""
    net = vj.nets.mlp(8)
    on_sphere = {"posterior": vj.posteriors.von_mises_fisher(), "prior": vj.priors.uniform_sphere()}
    models = [
        vj.vae(net, net, data_shape=(4,), latent_size=3, **on_sphere),
        vj.ladder(net, net, net, data_shape=(4,), latent_sizes=(1, 2)),
        one_hot()[0],
    ]
    x0, x1 = jnp.asarray(RNG.random((2, 4)))
    for model in models:
        params = vj.init(KEY, model, jnp.zeros((1, 4)))
        found = latent.interpolate(model, params, x0, x1, path=latent.spherical, num=4)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found[0], vj.reconstruct(model, params, x0), atol=1e-6)
