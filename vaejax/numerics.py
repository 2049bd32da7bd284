"""Log densities and stable helpers that more than one room needs."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.lax import stop_gradient
from jaxtyping import Array, Float, Shaped

from vaejax.errors import VaejaxError
from vaejax.types import Number

LOG_2PI = math.log(2 * math.pi)


def normal_log_prob(x: Any, mean: Any, log_scale: Any) -> Array:
    """log N(x; mean, exp(log_scale)^2), entry by entry, in nats.

    >>> float(normal_log_prob(0.0, 0.0, 0.0)).__round__(4)
    -0.9189
    """
    return -0.5 * (jnp.square((x - mean) * jnp.exp(-log_scale)) + 2 * log_scale + LOG_2PI)


def bernoulli_log_prob(x: Array, logits: Array) -> Array:
    """x log sigmoid(s) + (1 - x) log sigmoid(-s), entry by entry: finite and exact at every finite logit.

    >>> bernoulli_log_prob(jnp.array([1.0, 0.0]), jnp.array([-90.0, -90.0])).tolist()
    [-90.0, 0.0]
    """
    return x * jnp.minimum(logits, 0) + (1 - x) * jnp.minimum(-logits, 0) - jnp.log1p(jnp.exp(-jnp.abs(logits)))


def root_of_one_plus(factors: Float[Array, "rank size"]) -> Float[Array, "rank rank"]:
    """Upper triangular R with R^T R = I + F F^T and a positive diagonal, without squaring F: QR of I over F^T.

    >>> jnp.square(root_of_one_plus(jnp.array([[1.0, 2.0, 2.0]]))).round().tolist()
    [[10.0]]
    """
    tall = jnp.concatenate([jnp.eye(len(factors), dtype=factors.dtype), factors.T])
    root = jnp.linalg.qr(tall, mode="r")
    return root * jnp.where(jnp.diag(root) < 0, -1.0, 1.0)[:, None]


def logmeanexp(a: Float[Array, "..."], axis: int = 0) -> Float[Array, "..."]:
    """log mean exp a along an axis, without overflow."""
    return jax.nn.logsumexp(a, axis=axis) - math.log(a.shape[axis])


def average(values: Shaped[Array, " batch *rest"], weight: Shaped[Array, " batch"] | None) -> Array:
    """The mean over the leading axis; `weight` 0 leaves an example out, `None` is the plain mean."""
    if weight is None:
        return jnp.mean(values, axis=0)
    weight = weight.astype(values.dtype)
    counted = jnp.where(weight.reshape(-1, *[1] * (values.ndim - 1)) == 0, 0.0, values)  # 0 * NaN would be NaN
    return jnp.tensordot(weight, counted, 1) / jnp.sum(weight)


def with_gradient_of(value: Array, surrogate: Array) -> Array:
    """The value of one, bit by bit, with the gradient of the other.

    >>> jax.value_and_grad(lambda a: with_gradient_of(jnp.round(a), a))(0.7)[0].item()
    1.0
    """
    return stop_gradient(value) + (surrogate - stop_gradient(surrogate))


def towards(parameter: Array, target: Array) -> Array:
    """Zero, whose gradient is `target - parameter`: one ascent step of `optax.sgd(1.0)` moves the parameter there."""
    return (parameter - stop_gradient(parameter)) * stop_gradient(target - parameter)


def scale_gradient(value: Array, factor: Array) -> Array:
    """The value, bit by bit, whose gradient is `factor` times as large.

    >>> jax.value_and_grad(lambda a: scale_gradient(a**2, jnp.array(0.5)))(3.0)[1].item()
    3.0
    """
    held = stop_gradient(value)
    return held + factor * (value - held)


def concrete(value: Number) -> Any:
    """The value as a NumPy array, or `None` where it is traced and can not be looked at.

    >>> concrete(2.0), jax.jit(lambda x: 1.0 if concrete(x) is None else 0.0)(2.0).item()
    (array(2.), 1.0)
    """
    return None if isinstance(value, Tracer) else np.asarray(value)


def require_number(
    name: str, value: Number, *, above: float | None = None, least: float | None = None, most: float | None = None
) -> Number:
    """`value`, refused where it is known and is not one finite number in range.

    Raises: VaejaxError, naming what was expected and what came.
    """
    known = concrete(value)
    if known is None:
        return value
    bound = f" above {above:g}" if above is not None else f" of at least {least:g}" if least is not None else ""
    bound += "" if most is None else f" and at most {most:g}"
    if known.dtype.kind not in "iuf" or known.shape != () or not np.isfinite(known):
        raise VaejaxError(f"{name} must be one finite number{bound}, got {value!r}")
    low = (above is not None and known <= above) or (least is not None and known < least)
    if low or (most is not None and known > most):
        raise VaejaxError(f"{name} must be a number{bound}, got {value!r}")
    return value


def require_count(name: str, value: Number, *, least: int = 1) -> int:
    """`value` as an int of at least `least`. It shapes arrays, so a traced value raises jax's concretization error."""
    if isinstance(value, Tracer):
        return int(value)  # raises
    known = np.asarray(value)
    if known.dtype.kind not in "iuf" or known.shape != () or not np.isfinite(known) or known != np.floor(known):
        raise VaejaxError(f"{name} must be a whole number, got {value!r}")
    if known < least:
        raise VaejaxError(f"{name} must be at least {least}, got {value!r}")
    return int(known)


def require_margin(margin: float, margin_nats: float | None) -> None:
    """What an answer may lose: a part of the best log likelihood, or nats in its place. Raises: VaejaxError."""
    if not 0 < margin < 1:
        raise VaejaxError(f"margin must be a part of the best log likelihood, between 0 and 1, got {margin!r}")
    if margin_nats is not None:
        require_number("margin_nats", margin_nats, above=0.0)


def leaves_by_path(tree: Any) -> dict[str, Any]:
    """Every leaf of a tree by its path; by "" where the leaf is the tree.

    >>> leaves_by_path({"Dense_0": {"kernel": 1.0}, "scales": [2.0]})
    {'Dense_0/kernel': 1.0, 'scales/0': 2.0}
    """
    found = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(where, simple=True, separator="/"): leaf for where, leaf in found}
