import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Scalar

from ._images import as_channels


def sharpness(image: Float[Array, "..."]) -> Scalar:
    """The variance of the Laplacian of one image, in squared units of it: low where it is blurred.

    The Laplacian is the sum of the four neighbours less four times the pixel, where all of them are in the image (some
    pad it instead), and the variance divides by the number of those; of channels it is the mean.
    Pech-Pacheco et al. (2000), doi:10.1109/ICPR.2000.903548; of samples of autoencoders: Tolstikhin et al. (2018),
    arXiv:1711.01558. Noise counts as sharp, and so does contrast: hold it beside that of the data, never alone.
    Raises: VaejaxError where it is no image of at least 3 x 3 pixels.

    >>> round(float(sharpness(jnp.zeros((5, 5)).at[2, 2].set(1.0))), 4)
    2.2222
    """
    x = as_channels(image, 3)
    around = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:]
    return jnp.mean(jnp.var(around - 4 * x[1:-1, 1:-1], axis=(0, 1)))
