from typing import Any

import jax.numpy as jnp
import numpy as np

from vaejax.errors import DataError

from . import _rows
from ._rows import Rows, Split, cast, chunks, in_file_order

AS_ARRAY = "an array of numbers, [N, ...]: one example along the first axis"


def as_raw(where: str, array: Any) -> Split:
    """An array as it is stored: uint8 and bool stay, floats become float32, integers stay for the caller to judge.

    What is mapped from a file and large stays there, as `Rows`. `where` names it in the one `DataError` that says why
    it is no batch of examples.
    """
    raw = _as_numpy(where, array)
    _require_examples(where, raw)
    if not jnp.issubdtype(raw.dtype, jnp.floating):
        return raw
    floats = cast(raw, np.float32)
    if not all(np.isfinite(chunk).all() for chunk in chunks(in_file_order(floats))):
        _refuse(where, raw, floats)
    return floats


def at(split: Split, index: tuple[int, ...]) -> Any:
    """One value."""
    return split[index[0]][index[1:]]


def _refuse(where: str, raw: Split, floats: Split) -> None:
    num, start, first = 0, 0, None
    for chunk in chunks(floats):
        bad = np.argwhere(~np.isfinite(chunk))
        if first is None and len(bad):
            first = (start + int(bad[0][0]), *map(int, bad[0][1:]))
        num, start = num + len(bad), start + len(chunk)
    assert first is not None
    raise DataError(
        f"{where} has {num} values that are NaN, infinite or too large for float32, of {raw.size}; the first is "
        f"{at(raw, first)} at {list(first)}: fill them or drop those rows"
    )


def _as_numpy(where: str, array: Any) -> Split:
    if not hasattr(array, "__array__"):
        raise DataError(f"{where}: expected {AS_ARRAY}; got {type(array).__name__} (np.asarray may make one)")
    if np.ma.is_masked(array):
        raise DataError(f"{where} is a masked array and {np.ma.count_masked(array)} values are masked: fill them")
    if isinstance(array, Rows):
        return array
    try:
        raw = np.asarray(array)
    except Exception as error:  # whatever another library's __array__ raises
        raise DataError(f"{where}: expected {AS_ARRAY}; got {type(array).__name__}: {error}") from error
    if not any(jnp.issubdtype(raw.dtype, kind) for kind in (jnp.bool_, jnp.integer, jnp.floating)):
        raise DataError(f"{where}: expected {AS_ARRAY}; got {_kind(raw.dtype)} ({raw.dtype})")
    stays = isinstance(array, np.memmap) and raw.ndim > 0 and raw.nbytes >= _rows.LARGE
    return Rows.of(raw) if stays else raw


def _kind(dtype: np.dtype) -> str:
    kinds = {"U": "text", "S": "text", "T": "text", "O": "objects", "c": "complex numbers", "M": "dates", "m": "times"}
    return kinds.get(dtype.kind, "no numbers")


def _require_examples(where: str, raw: Split) -> None:
    if raw.ndim < 2:
        got = "a scalar" if raw.ndim == 0 else f"shape {raw.shape}, which leaves no shape for an example (x[:, None])"
        raise DataError(f"{where}: expected {AS_ARRAY}; got {got}")
    if not raw.size:
        which = "no examples" if len(raw) == 0 else "examples without values"
        raise DataError(f"{where}: expected {AS_ARRAY}; got shape {raw.shape}, {which}")
