"""How wide a kernel is: from whitened codes to the scale of the kernel round each."""

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import Number, Scalar

Bandwidth: TypeAlias = Callable[[Float[Array, "num size"]], Number]

NARROWEST, WIDEST, TRIED = 0.03, 1.5, 32  # widths, each 13% wider than the one before
BLOCK = 64  # codes at a time, each against all


def scott(codes: Float[Array, "num size"]) -> float:
    """h = N^(-1 / (d + 4)). Scott (1992). It depends on the shape of the codes alone; `scipy.stats` has it too.

    >>> round(scott(jnp.zeros((300, 2))), 4)
    0.3865
    """
    return len(codes) ** (-1 / (codes.shape[1] + 4))


def silverman(codes: Float[Array, "num size"]) -> float:
    """h = (N (d + 2) / 4)^(-1 / (d + 4)), the best for a normal density. Silverman (1986).

    >>> round(silverman(jnp.zeros((300, 2))), 4)
    0.3865
    """
    return (len(codes) * (codes.shape[1] + 2) / 4) ** (-1 / (codes.shape[1] + 4))


def leave_one_out(codes: Float[Array, "num size"]) -> Scalar:
    """argmax over h of sum_n log q_h(z_n | all other codes), on 32 widths from 0.03 to 1.5 of the codes' own scale.

    Habbema, Hermans and van den Broek (1974); Duin (1976). Codes that are there twice make it the narrowest.
    Cost: N^2 distances, 32 exponentials of each; memory: 64 N.

    >>> bool(leave_one_out(jax.random.normal(jax.random.key(0), (300, 1))) < 0.6)
    True
    """
    num, size = codes.shape
    widths = jnp.geomspace(NARROWEST, WIDEST, TRIED, dtype=codes.dtype)

    def others(row: tuple[Array, Array]) -> Float[Array, " width"]:
        place, code = row
        squares = jnp.sum(jnp.square(codes - code[None]), axis=1)
        squares = jnp.where(jnp.arange(num) == place, jnp.inf, squares)
        return jax.lax.map(lambda h: jax.nn.logsumexp(-0.5 * squares / h**2) - size * jnp.log(h), widths)

    found = jax.lax.map(others, (jnp.arange(num), codes), batch_size=BLOCK)
    return widths[jnp.argmax(jnp.mean(found, axis=0))]
