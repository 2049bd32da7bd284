import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import factorised
from vaejax.numerics import LOG_2PI, require_number
from vaejax.types import Event, Family, Key, Number, Params, Parts, Shape, Stats

from ._log_gamma import log_half_step

FAR = 1e4  # scales from the location: beyond, log(1 + q^2) is 2 log q in float32 and q^2 may overflow


def student_t(degrees: Number = 5.0, scale: float = 0.3) -> Family:
    """p(x) = C (1 + ((x - s)/c)^2 / nu)^(-(nu + 1)/2) / c, nu = `degrees` of freedom. Stats: one row, s.

    C = Gamma((nu + 1)/2) / (Gamma(nu/2) sqrt(nu pi)). Support: the reals. One learned scale c for all entries, started
    at `scale`, as in `learned_normal`: a scale for each entry can fall without bound on values that repeat. `degrees`
    is fixed and may be traced; it tends to `learned_normal` as it grows. c^2 nu/(nu - 2) is the variance, where nu > 2;
    the mean is s where nu > 1, and below there is none and `mean` is the median, s. An outlier costs (nu + 1) log|x|.
    Takahashi et al. (2018), doi:10.24963/ijcai.2018/374 (Student-t VAE; there, every parameter comes from the decoder).

    >>> family = student_t(degrees=1.0, scale=1.0)
    >>> family.log_prob(family.init(None, (1,)), jnp.zeros((1, 1)), jnp.zeros(1)).item().__round__(4)  # -log pi
    -1.1447
    """
    require_number("the degrees of freedom of a student_t", degrees, above=0.0)
    require_number("the first scale of a student_t", scale, above=0.0)

    def init(key: Key | None, shape: Shape) -> Params:
        return {"log_scale": jnp.log(jnp.asarray(scale, float))}

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        noise = jax.random.t(key, jnp.asarray(degrees, stats.dtype), stats.shape[1:], stats.dtype)
        return stats[0] + jnp.exp(params["log_scale"]) * noise

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        nu = jnp.asarray(degrees, stats.dtype)
        log_width = params["log_scale"] + 0.5 * jnp.log(nu)
        constant = log_half_step(nu / 2) - LOG_2PI / 2 - params["log_scale"]
        return constant - (nu + 1) / 2 * _log1p_square(x - stats[0], log_width)

    def mean(params: Params, stats: Stats) -> Event:
        return stats[0]

    return factorised("student_t", 1, sample, log_prob, mean, init=init)


def _log1p_square(distance: Array, log_width: Array) -> Array:
    """log(1 + (distance / width)^2), at any finite distance."""
    far = jnp.abs(distance) > FAR * jnp.exp(log_width)
    near = jnp.log1p(jnp.square(jnp.where(far, 0.0, distance) * jnp.exp(-log_width)))
    return jnp.where(far, 2 * (jnp.log(jnp.where(far, jnp.abs(distance), 1.0)) - log_width), near)
