import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax import metrics
from vaejax.errors import VaejaxError
from vaejax.types import VAE, Key, Params
from vaejax.verbs import reconstruct

from ._held import Held
from ._mapped import by_rows, of_each, tried
from ._types import Measure


def reconstruction() -> Measure:
    """x beside the mean of p(x|z) at the mean of q(z|x): error, and for images PSNR, SSIM and sharpness.

    >>> list(reconstruction().columns)
    ['mean_squared_error', 'psnr', 'ssim', 'sharpness_reconstructions', 'sharpness_data']
    """
    columns = {
        "mean_squared_error": "of reconstructions of the held examples, mean over entries, squared units of x",
        "psnr": "of those, 10 log10(range^2 / error) in decibel, mean over examples; above the PSNR of the mean error",
        "ssim": "structural similarity of those, at most 1; window of 11 pixels, sigma 1.5",
        "sharpness_reconstructions": "variance of the Laplacian of those, mean over examples, squared units of x; "
        "noise is sharp too, so hold it beside sharpness_data",
        "sharpness_data": "variance of the Laplacian of the held examples themselves, the same for every member",
    }
    return Measure("reconstruction", columns, of_each(_of_one))


def _of_one(key: Key, model: VAE, params: Params, held: Held) -> dict[str, Array | str]:
    x = held.x
    made = by_rows(lambda example: reconstruct(model, params, example), held.test)

    def mean_of(function):
        return (jnp.mean(jax.vmap(function)(x, made)),)

    def psnr(x: Array, y: Array) -> Array:
        if held.data_range is None:
            raise VaejaxError("x has no largest value that its error could be held beside")
        return metrics.psnr(x, y, held.data_range)

    return {
        **tried(("mean_squared_error",), lambda: mean_of(metrics.mean_squared_error)),
        **tried(("psnr",), lambda: mean_of(psnr)),
        **tried(("ssim",), lambda: mean_of(lambda x, y: metrics.ssim(x, y, held.data_range or 1.0))),
        **tried(("sharpness_reconstructions",), lambda: mean_of(lambda x, y: metrics.sharpness(y))),
        **tried(("sharpness_data",), lambda: mean_of(lambda x, y: metrics.sharpness(x))),
    }
