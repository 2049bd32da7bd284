import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vaejax.numerics import require_number
from vaejax.types import Number, Scalar

from ._images import as_channels, require_alike

TRUNCATE = 3.5  # standard deviations, after which a window ends: 11 pixels at 1.5
K1, K2 = 0.01, 0.03


def ssim(x: Float[Array, "..."], y: Float[Array, "..."], data_range: Number = 1.0, sigma: float = 1.5) -> Scalar:
    """The structural similarity of two images, in [-1, 1], 1 where they are equal.

    The mean over windows of (2 m_x m_y + c1)(2 c_xy + c2) / ((m_x^2 + m_y^2 + c1)(v_x + v_y + c2)), with the means,
    variances and covariance under a Gaussian window and c1, c2 = (0.01 data_range)^2, (0.03 data_range)^2.
    Wang, Bovik, Sheikh and Simoncelli (2004), doi:10.1109/TIP.2003.819861.

    x, y: `[height, width]`, or with channels, of which it is the mean. data_range: as in `psnr`. sigma: of the window,
    in pixels; it is 2 round(3.5 sigma) + 1 wide, 11 by default, and only windows that lie in the image count.
    Definitions differ: this is scikit-image's with gaussian_weights=True and use_sample_covariance=False; its default
    is a uniform window of 7 with sample covariances, and others scale large images down first. On small images and on
    binary ones most windows are flat, so that values are high and hardly comparable between data sets.
    Raises: VaejaxError where the shapes differ, the window is larger than the image, or a number is out of range.

    >>> x = jnp.linspace(0, 1, 256).reshape(16, 16)
    >>> round(float(ssim(x, x)), 4), round(float(ssim(x, 1 - x)), 4)
    (1.0, -0.8262)
    """
    require_alike(x, y)
    require_number("data_range", data_range, above=0.0)
    reach = int(TRUNCATE * float(require_number("sigma", sigma, above=0.0)) + 0.5)
    x, y = (as_channels(image, 2 * reach + 1) for image in (x, y))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = [float(weight) for weight in bell / bell.sum()]
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    m_x, m_y = _under(weights, x), _under(weights, y)
    far = jnp.mean(x), jnp.mean(y)  # small numbers lose less to rounding, and covariances do not change
    a, b = x - far[0], y - far[1]
    m_a, m_b = m_x - far[0], m_y - far[1]
    v_x, v_y = _under(weights, a * a) - m_a * m_a, _under(weights, b * b) - m_b * m_b
    c_xy = _under(weights, a * b) - m_a * m_b
    found = (2 * m_x * m_y + c1) * (2 * c_xy + c2) / ((m_x**2 + m_y**2 + c1) * (v_x + v_y + c2))
    return jnp.mean(found)


def _under(weights: list[float], image: Float[Array, "h w c"]) -> Float[Array, "rows columns c"]:
    """The weighted mean of every window that lies in the image."""
    for axis in (0, 1):
        num = image.shape[axis] - len(weights) + 1
        parts = [weight * jax.lax.slice_in_dim(image, k, k + num, axis=axis) for k, weight in enumerate(weights)]
        image = functools.reduce(jnp.add, parts)
    return image
