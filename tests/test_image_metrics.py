"""Measures of images against scipy's filters, scikit-image where it is there, and numbers known on paper."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from vaejax import metrics
from vaejax.errors import VaejaxError

RANDOM = np.random.default_rng(0)
SMOOTH = ndimage.gaussian_filter(RANDOM.random((29, 34, 3)), (2, 2, 0)) * 3
IMAGES = {
    "noise": (RANDOM.random((16, 20)), RANDOM.random((16, 20))),
    "smooth": (SMOOTH[..., 0], SMOOTH[..., 0] + 0.05 * RANDOM.standard_normal((29, 34))),
    "smallest": (RANDOM.random((11, 11)), RANDOM.random((11, 11))),
    "binary": ((SMOOTH[..., 1] > 1.5) * 1.0, (SMOOTH[..., 2] > 1.5) * 1.0),
    "colour": (SMOOTH, SMOOTH**2),
}


def filtered_ssim(x, y, data_range, sigma):
    """Wang et al.'s formula over scipy's Gaussian filter, in float64; the edges that it reflects are cut off."""
    blur = functools.partial(ndimage.gaussian_filter, sigma=sigma, truncate=3.5)
    cut = int(3.5 * sigma + 0.5)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    v_x, v_y, c_xy = blur(x * x) - blur(x) ** 2, blur(y * y) - blur(y) ** 2, blur(x * y) - blur(x) * blur(y)
    found = (2 * blur(x) * blur(y) + c1) * (2 * c_xy + c2) / ((blur(x) ** 2 + blur(y) ** 2 + c1) * (v_x + v_y + c2))
    return found[cut:-cut, cut:-cut].mean()


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize(("data_range", "sigma"), [(1.0, 1.5), (3.0, 1.0)])
def test_ssim_is_that_of_scipy_s_filters(name, data_range, sigma, float64):
    x, y = IMAGES[name]
    channels = [(x[..., k], y[..., k]) for k in range(3)] if x.ndim == 3 else [(x, y)]
    expected = np.mean([filtered_ssim(*pair, data_range, sigma) for pair in channels])
    assert metrics.ssim(jnp.asarray(x), jnp.asarray(y), data_range, sigma) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("name", IMAGES)
def test_ssim_is_scikit_image_s(name, float64):
    theirs = pytest.importorskip("skimage.metrics").structural_similarity
    x, y = IMAGES[name]
    how = {"gaussian_weights": True, "use_sample_covariance": False, "data_range": 1.0}
    expected = theirs(x, y, channel_axis=-1 if x.ndim == 3 else None, **how)
    assert metrics.ssim(jnp.asarray(x), jnp.asarray(y)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("name", IMAGES)
def test_in_float32_ssim_is_as_in_float64(name):
    pair = IMAGES[name]
    with jax.enable_x64(True):
        expected = float(metrics.ssim(*map(jnp.asarray, pair)))
    found = jax.jit(metrics.ssim)(*(jnp.asarray(image, jnp.float32) for image in pair))
    assert found == pytest.approx(expected, abs=2e-5)


def test_ssim_of_an_image_and_itself_is_one_and_maps_over_a_batch():
    batch = jnp.asarray(RANDOM.random((4, 14, 14)), float)
    found = jax.vmap(metrics.ssim)(batch, batch[::-1])
    assert jnp.allclose(jax.vmap(metrics.ssim)(batch, batch), 1.0, atol=1e-6)
    assert jnp.allclose(found, found[::-1], atol=1e-6)
    assert jnp.all(jnp.abs(found) < 0.5)


def test_flat_images_compare_by_their_means_alone():
    x, y = jnp.full((12, 12), 0.2), jnp.full((12, 12), 0.6)
    assert metrics.ssim(x, y) == pytest.approx((2 * 0.2 * 0.6 + 1e-4) / (0.04 + 0.36 + 1e-4), abs=1e-5)


def test_squared_error_and_its_decibels():
    x, y = jnp.asarray(RANDOM.random((6, 7)), float), jnp.asarray(RANDOM.random((6, 7)), float)
    error = float(np.mean((np.asarray(x) - np.asarray(y)) ** 2))
    assert metrics.mean_squared_error(x, y) == pytest.approx(error, rel=1e-6)
    assert metrics.psnr(x, y) == pytest.approx(-10 * np.log10(error), rel=1e-6)
    assert metrics.psnr(x, y, 255.0) - metrics.psnr(x, y) == pytest.approx(20 * np.log10(255), rel=1e-5)
    assert metrics.psnr(x, x) == np.inf


def test_sharpness_is_the_variance_of_scipy_s_laplacian():
    x = RANDOM.random((9, 12))
    inside = ndimage.laplace(x)[1:-1, 1:-1]
    assert metrics.sharpness(jnp.asarray(x, float)) == pytest.approx(inside.var(), rel=1e-5)
    both = np.stack([x, 2 * x], -1)
    assert metrics.sharpness(jnp.asarray(both, float)) == pytest.approx(2.5 * inside.var(), rel=1e-5)


def test_blur_lowers_sharpness_and_a_slope_has_none():
    blurred = [metrics.sharpness(jnp.asarray(ndimage.gaussian_filter(SMOOTH[..., 0], s), float)) for s in (0, 1, 2)]
    assert blurred[0] > 1.5 * blurred[1] > 1.5**2 * blurred[2]
    assert metrics.sharpness(jnp.add.outer(jnp.arange(5.0), 2 * jnp.arange(6.0))) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.mean_squared_error(jnp.zeros((3, 3)), jnp.zeros(3)), r"one shape, got \(3, 3\) and \(3,\)"),
        (
            lambda: metrics.ssim(jnp.zeros((10, 20)), jnp.zeros((10, 20))),
            r"at least 11 x 11 pixels, got shape \(10, 20",
        ),
        (lambda: metrics.sharpness(jnp.zeros(9)), "expected one image"),
        (lambda: metrics.psnr(jnp.zeros(3), jnp.ones(3), 0.0), "data_range must be a number above 0"),
        (lambda: metrics.ssim(jnp.zeros((12, 12)), jnp.zeros((12, 12)), sigma=0.0), "sigma must be a number above 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, words):
    with pytest.raises(VaejaxError, match=words):
        call()
