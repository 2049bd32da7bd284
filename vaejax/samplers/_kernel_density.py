import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.numerics import LOG_2PI, require_count
from vaejax.types import Key, Number, Params, Scalar

from ._bandwidths import Bandwidth, leave_one_out
from ._rows import at_most
from ._types import Codes, Sampler, require_codes
from ._whitened import coloured, frame_of, log_volume, whitened


def kernel_density(bandwidth: Bandwidth = leave_one_out, *, most: Number = 5000) -> Sampler:
    """q(z) = (1 / N) sum_n N(z; z_n, h^2 C), C the covariance of the codes: a code at random, and noise.

    Rosenblatt (1956); Parzen (1962). bandwidth: whitened codes `[num, size]` to h: `scott`, `silverman`, or the best
    likelihood of each code given the others, `leave_one_out`. Covariances of draws are (1 + h^2) C: the rules of Scott
    and Silverman, made for few dimensions, have h near 1 in many and are far too wide there.
    most: at most so many codes are kept, chosen at random without replacement. They are all there is in `Params`: a
    draw is a code of a training example, moved a little. Cost of a density, and memory: codes x size.
    Raises: DataError where the codes are discrete or on a sphere.

    >>> from vaejax.samplers import scott
    >>> codes = jax.random.normal(jax.random.key(0), (300, 2))
    >>> sampler = kernel_density(scott)
    >>> fitted = sampler.fit(jax.random.key(1), codes)
    >>> round(float(fitted["bandwidth"]), 4), round(300 ** (-1 / 6), 4)
    (0.3865, 0.3865)
    """
    most = require_count("most", most, least=2)

    def fit(key: Key, codes: Codes) -> Params:
        kept = at_most(key, require_codes("kernel_density", codes), most)
        frame = frame_of(kept)
        white = whitened(frame, kept)
        return {"frame": frame, "white": white, "bandwidth": jnp.asarray(bandwidth(white), white.dtype)}

    return Sampler("kernel_density", fit, _sample, _log_prob)


def _sample(key: Key, params: Params) -> Float[Array, " size"]:
    pick, draw = jax.random.split(key)
    white = params["white"][jax.random.randint(pick, (), 0, len(params["white"]))]
    return coloured(params["frame"], white + params["bandwidth"] * jax.random.normal(draw, white.shape, white.dtype))


def _log_prob(params: Params, z: Float[Array, " size"]) -> Scalar:
    gaps: Array = (params["white"] - whitened(params["frame"], z)[None]) / params["bandwidth"]
    num, size = gaps.shape
    kernels = jax.nn.logsumexp(-0.5 * jnp.sum(jnp.square(gaps), axis=1)) - jnp.log(num)
    return kernels - size * (0.5 * LOG_2PI + jnp.log(params["bandwidth"])) - log_volume(params["frame"])
