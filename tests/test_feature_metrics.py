"""Distances of two sets of features: scipy's root, normals known on paper, plain loops, sets that lack half."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg
from scipy.spatial.distance import cdist

from vaejax import metrics
from vaejax.errors import VaejaxError
from vaejax.metrics import _balls

RANDOM = np.random.default_rng(0)
A, B = RANDOM.standard_normal((60, 5)), 1.3 * RANDOM.standard_normal((45, 5)) @ RANDOM.standard_normal((5, 5)) + 0.4


def on_device(*arrays):
    return [jnp.asarray(array, float) for array in arrays]


def moments(x):
    return x.mean(0), np.cov(x.T)


def frechet_by_scipy(mean_a, cov_a, mean_b, cov_b):
    root = linalg.sqrtm(cov_a @ cov_b)
    return ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b) - 2 * np.trace(root).real


def test_frechet_distance_is_scipy_s(float64):
    expected = frechet_by_scipy(*moments(A), *moments(B))
    assert metrics.frechet_distance(*on_device(A, B)) == pytest.approx(expected, rel=1e-9)
    assert metrics.frechet_of_moments(*on_device(*moments(A), *moments(B))) == pytest.approx(expected, rel=1e-9)
    assert metrics.frechet_distance(*on_device(B, A)) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_in_float32_and_compiled():
    expected = frechet_by_scipy(*moments(A), *moments(B))
    assert jax.jit(metrics.frechet_distance)(*on_device(A, B)) == pytest.approx(expected, rel=1e-5)
    assert metrics.frechet_distance(*on_device(A, A)) == pytest.approx(0, abs=1e-4)
    assert metrics.frechet_distance(*on_device(A, A + 2)) == pytest.approx(20, rel=1e-5)


@pytest.mark.parametrize(("mean", "scale", "expected"), [(0.0, 1.0, 0.0), (3.0, 1.0, 36.0), (0.0, 3.0, 16.0)])
def test_of_two_normals_it_is_that_on_paper(mean, scale, expected):
    eye = jnp.eye(4)
    found = metrics.frechet_of_moments(jnp.zeros(4), eye, jnp.full(4, mean), scale**2 * eye)
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("rank", [1, 3])
def test_singular_covariances_do_no_harm(rank):
    """Fewer examples than dimensions: on a subspace it is the distance of the coordinates there."""
    few, more = RANDOM.standard_normal((rank + 1, rank)), 2 * RANDOM.standard_normal((50, rank)) + 1
    basis = linalg.qr(RANDOM.standard_normal((40, rank)), mode="economic")[0]
    expected = frechet_by_scipy(
        few.mean(0), np.cov(few.T).reshape(rank, rank), more.mean(0), np.cov(more.T).reshape(rank, rank)
    )
    assert metrics.frechet_distance(*on_device(few @ basis.T, more @ basis.T)) == pytest.approx(expected, rel=1e-4)
    with jax.enable_x64(True):
        found = metrics.frechet_of_moments(*on_device(*moments(few @ basis.T), *moments(more @ basis.T)))
        assert found == pytest.approx(expected, rel=1e-6)


def test_the_bias_is_as_said():
    num, size, repeats = 400, 10, 64
    draws = jax.random.normal(jax.random.key(0), (repeats, 2, num, size))
    found = jax.jit(jax.vmap(lambda pair: metrics.frechet_distance(pair[0], pair[1])))(draws)
    expected = size * (size + 5) / (2 * num)
    assert jnp.mean(found) == pytest.approx(expected, rel=0.06)
    assert jnp.std(found) / np.sqrt(repeats) < 0.03 * expected


def kid_by_loops(a, b):
    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    num = len(a)
    within = [np.mean([k(s[i], s[j]) for i in range(num) for j in range(num) if i != j]) for s in (a, b)]
    return sum(within) - 2 * np.mean([k(x, y) for x in a for y in b])


def test_kernel_distance_is_the_mean_of_its_blocks(float64):
    found = jax.jit(functools.partial(metrics.kernel_distance, num_blocks=3))(*on_device(A, B))
    blocks = [kid_by_loops(A[15 * k : 15 * k + 15], B[15 * k : 15 * k + 15]) for k in range(3)]
    assert found.value == pytest.approx(np.mean(blocks), rel=1e-10)
    assert found.standard_error == pytest.approx(np.std(blocks, ddof=1) / np.sqrt(3), rel=1e-10)


def test_kernel_distance_is_unbiased_and_its_error_is_what_it_varies_by():
    """Of N(0, 1) and N(m, 1) in one dimension (x y + 1)^3 has means that are known."""
    shift = 0.3
    power = {0: 1, 1: shift, 2: 1 + shift**2, 3: 3 * shift + shift**3}
    zero = {0: 1, 1: 0, 2: 1, 3: 0}
    choose = {0: 1, 1: 3, 2: 3, 3: 1}
    expected = sum(choose[n] * (zero[n] - power[n]) ** 2 for n in choose)
    draws = jax.random.normal(jax.random.key(0), (300, 2, 200, 1))
    measure = jax.jit(jax.vmap(lambda pair: metrics.kernel_distance(pair[0], pair[1] + shift)))
    found = measure(draws)
    spread = jnp.std(found.value)
    assert jnp.mean(found.value) == pytest.approx(expected, abs=4 * float(spread) / np.sqrt(300))
    assert jnp.sqrt(jnp.mean(found.standard_error**2)) == pytest.approx(float(spread), rel=0.15)
    same = jax.jit(jax.vmap(lambda pair: metrics.kernel_distance(pair[0], pair[1])))(draws).value
    assert jnp.mean(same) == pytest.approx(0, abs=4 * float(jnp.std(same)) / np.sqrt(300))
    assert 0.2 < jnp.mean(same < 0) < 0.8


def balls_by_loops(real, generated, k):
    def radii(x):
        return np.sort(cdist(x, x), axis=1)[:, k]

    across = cdist(real, generated)
    in_real = across <= radii(real)[:, None]
    return {
        "precision": in_real.any(0).mean(),
        "recall": (across <= radii(generated)[None]).any(1).mean(),
        "density": in_real.sum(0).mean() / k,
        "coverage": in_real.any(1).mean(),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("at_once", [2**20, 200], ids=["whole", "in blocks"])
def test_balls_are_those_of_plain_loops(k, at_once, monkeypatch):
    monkeypatch.setattr(_balls, "AT_ONCE", at_once)
    expected = balls_by_loops(A, B, k)
    found = jax.jit(functools.partial(metrics.precision_recall, k=k))(*on_device(A, B))
    other = jax.jit(functools.partial(metrics.density_coverage, k=k))(*on_device(A, B))
    assert 0 < expected["recall"] < 1
    assert found._asdict() | other._asdict() == pytest.approx(expected, abs=1e-6)


def test_no_more_distances_are_kept_than_said(monkeypatch):
    monkeypatch.setattr(_balls, "AT_ONCE", 1000)
    text = jax.jit(metrics.precision_recall).lower(jnp.zeros((400, 3)), jnp.zeros((400, 3))).as_text()
    assert "400x400" not in text
    assert "2x400" in text


def test_equal_sets_and_far_sets():
    a = on_device(A)[0]
    assert metrics.precision_recall(a, a) == (1, 1)
    assert metrics.precision_recall(a, a + 100) == (0, 0)
    assert metrics.density_coverage(a, a).coverage == 1
    assert metrics.density_coverage(a, a).density == pytest.approx(6 / 5)
    assert metrics.density_coverage(a, a + 100) == (0, 0)


MODES = np.repeat(np.eye(8) * 100, 40, axis=0)


def near(modes):
    return jnp.asarray(modes + RANDOM.standard_normal(modes.shape), float)


def test_half_of_the_modes_is_half_of_recall_and_coverage():
    real, half = near(MODES), near(np.tile(MODES[:160], (2, 1)))
    found, other = metrics.precision_recall(real, half, k=30), metrics.density_coverage(real, half, k=30)
    assert found.precision == pytest.approx(1, abs=0.01)
    assert found.recall == pytest.approx(0.5, abs=0.01)
    assert other.coverage == pytest.approx(0.5, abs=0.01)
    found = metrics.precision_recall(half, real, k=30)  # and the other way round half of what is made is not real
    assert found.precision == pytest.approx(0.5, abs=0.01)


def test_an_outlier_lets_in_what_is_far_from_the_rest_and_density_hardly_counts_it():
    real = jnp.concatenate([near(np.zeros((200, 4))), jnp.full((1, 4), 30.0)])
    made = near(np.full((200, 4), 20.0))
    assert metrics.precision_recall(real, made).precision == 1
    assert metrics.density_coverage(real, made).density < 0.3


@pytest.mark.parametrize(("num_real", "num_generated", "k"), [(30, 30, 3), (40, 20, 5)])
def test_sets_of_one_distribution_have_the_density_and_coverage_that_were_said(num_real, num_generated, k):
    draws = jax.random.normal(jax.random.key(k), (400, num_real + num_generated, 6))
    measure = jax.jit(jax.vmap(lambda x: metrics.density_coverage(x[:num_real], x[num_real:], k)))
    found = measure(draws)
    ranks = np.arange(k)
    missed = np.prod((num_real - 1 - ranks) / (num_real + num_generated - 1 - ranks))
    for values, expected in ((found.density, 1.0), (found.coverage, 1 - missed)):
        assert jnp.mean(values) == pytest.approx(expected, abs=4 * float(jnp.std(values)) / 20)
    assert float(jnp.std(found.coverage)) / 20 < 0.01


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.frechet_distance(jnp.zeros((1, 2)), jnp.zeros((5, 2))), "at least 2 features"),
        (lambda: metrics.kernel_distance(jnp.zeros((19, 2)), jnp.zeros((50, 2))), "at least 2 for each of 10 blocks"),
        (lambda: metrics.kernel_distance(jnp.zeros((19, 2)), jnp.zeros((50, 2)), 1), "num_blocks must be at least 2"),
        (lambda: metrics.precision_recall(jnp.zeros((5, 2)), jnp.zeros((3, 2))), "more than k = 3 rows"),
        (lambda: metrics.density_coverage(jnp.zeros((5, 2)), jnp.zeros((9, 2))), "more than k = 5 rows"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, words):
    with pytest.raises(VaejaxError, match=words):
        call()
