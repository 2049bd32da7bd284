from typing import Any

import jax.numpy as jnp
import numpy as np

from vaejax.errors import DataError

AS_ARRAY = "an array of numbers, [N, ...]: one example along the first axis"


def as_raw(where: str, array: Any) -> np.ndarray:
    """An array as it is stored: uint8 and bool stay, floats become float32, integers stay for the caller to judge.

    `where` names it in the one `DataError` that says why it is no batch of examples.
    """
    raw = _as_numpy(where, array)
    _require_examples(where, raw)
    if not jnp.issubdtype(raw.dtype, jnp.floating):
        return raw
    with np.errstate(over="ignore"):
        floats = raw.astype(np.float32)
    bad = ~np.isfinite(floats)
    if bad.any():
        raise DataError(
            f"{where} has {bad.sum()} values that are NaN, infinite or too large for float32, of {bad.size}; the "
            f"first is {raw[tuple(np.argwhere(bad)[0])]} at {_index(np.argwhere(bad)[0])}: fill them or drop those rows"
        )
    return floats


def _as_numpy(where: str, array: Any) -> np.ndarray:
    if not hasattr(array, "__array__"):
        raise DataError(f"{where}: expected {AS_ARRAY}; got {type(array).__name__} (np.asarray may make one)")
    if np.ma.is_masked(array):
        raise DataError(f"{where} is a masked array and {np.ma.count_masked(array)} values are masked: fill them")
    try:
        raw = np.asarray(array)
    except Exception as error:  # whatever another library's __array__ raises
        raise DataError(f"{where}: expected {AS_ARRAY}; got {type(array).__name__}: {error}") from error
    if not any(jnp.issubdtype(raw.dtype, kind) for kind in (jnp.bool_, jnp.integer, jnp.floating)):
        raise DataError(f"{where}: expected {AS_ARRAY}; got {_kind(raw.dtype)} ({raw.dtype})")
    return raw


def _kind(dtype: np.dtype) -> str:
    kinds = {"U": "text", "S": "text", "T": "text", "O": "objects", "c": "complex numbers", "M": "dates", "m": "times"}
    return kinds.get(dtype.kind, "no numbers")


def _require_examples(where: str, raw: np.ndarray) -> None:
    if raw.ndim < 2:
        got = "a scalar" if raw.ndim == 0 else f"shape {raw.shape}, which leaves no shape for an example (x[:, None])"
        raise DataError(f"{where}: expected {AS_ARRAY}; got {got}")
    if not raw.size:
        which = "no examples" if len(raw) == 0 else "examples without values"
        raise DataError(f"{where}: expected {AS_ARRAY}; got shape {raw.shape}, {which}")


def _index(index: np.ndarray) -> str:
    return f"[{', '.join(str(i) for i in index)}]"
