"""The contract of a density that is fitted to codes, and what codes it refuses."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from vaejax.errors import DataError
from vaejax.numerics import concrete
from vaejax.types import Key, Params, Scalar

FEW_VALUES = 0.1  # of the number of codes: no density on the reals gives so few different ones


Codes: TypeAlias = Float[Array | np.ndarray, "num size"]


class Sampler(NamedTuple):
    """A density over the codes of a model, to be fitted to them.

    Codes are rows of numbers, those of the latents in use, as `latent.codes_of` gives them.
    fit: pure, of a fixed number of steps and arrays alone, so that it is mapped over the seeds of an ensemble. What it
        gives is a tree of arrays: `store.save` writes it.  Raises: DataError where the codes are known and none.
    sample: one code.
    log_prob: nats, normalised; `None` where it is not known.
    """

    name: str
    fit: Callable[[Key, Codes], Params]
    sample: Callable[[Key, Params], Float[Array, " size"]]
    log_prob: Callable[[Params, Float[Array, " size"]], Scalar] | None = None


def require_codes(name: str, codes: Codes, *, least: int = 2, continuous: bool = True) -> Float[Array, "num size"]:
    """The codes; where they are known, refused if nothing can be fitted to them, or, if `continuous`, no density."""
    least = max(least, 2)
    if codes.ndim != 2 or codes.shape[0] < least or not codes.shape[1]:
        raise DataError(f"{name} needs codes [num, size], at least {least} of them, got shape {codes.shape}")
    known = concrete(codes)
    if known is not None:
        _require_known(name, known, continuous)
    return jnp.asarray(codes)


def _require_known(name: str, known: np.ndarray, continuous: bool) -> None:
    bad = ~np.isfinite(known).all(1)
    if bad.any():
        raise DataError(f"{name} needs finite codes, and row {np.argmax(bad)} is not ({bad.sum()} such rows)")
    if continuous:
        _require_continuous(name, known)


def _require_continuous(name: str, codes: np.ndarray) -> None:
    instead = "use samplers.empirical, which gives back codes that there were, or the prior"
    counts = [len(np.unique(column)) for column in codes.T]
    few = [count for count in counts if 1 < count <= FEW_VALUES * len(codes)]
    if few:
        raise DataError(
            f"{name} is a density on the reals, and of {len(codes)} codes a number has {few[0]} values alone: latents "
            f"are discrete; {instead}"
        )
    lengths = np.linalg.norm(codes, axis=1)
    if codes.shape[1] > 1 and np.ptp(lengths) < 1e-3 * lengths.max():
        raise DataError(f"{name} is a density on the reals, and codes lie on a sphere, where it has none; {instead}")
