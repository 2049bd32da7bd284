import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vaejax.errors import DataError
from vaejax.types import Family

from ._arrays import arrays
from ._digits import digits
from ._files import ENTRY_NAMES, LABELS, NAMES, read_file
from ._fitted import fitted
from ._mnist import fashion_mnist, mnist
from ._named import with_entry_names
from ._shapes import shapes
from ._tfds import tfds
from ._types import Data

KNOWN: dict[str, Callable[[], Data]] = {
    "digits": digits,
    "fashion_mnist": fashion_mnist,
    "mnist": mnist,
    "shapes": shapes,
}
TFDS = "tfds:"


def load(source: Any, *, levels: int | None = None, likelihood: Family | None = None) -> Data:
    """Data from whatever names them: `Data`, an array, a `.npy` or `.npz` file, or the name of a known data set.

    Names are those of `KNOWN` (digits, fashion_mnist, mnist, shapes) and `tfds:NAME` or `tfds:NAME/CONFIG`, any image
    set of TFDS. A `.npz` holds one array, which is split 80/10/10, or arrays called train, validation and test, and
    perhaps train_labels, validation_labels and test_labels; either may have entry_names, a text for each entry of x.
    What else lies beside those is not read. An array of 1 GiB or more stays in its file and its splits are `Rows`, with
    the same values as in memory; in a `.npz` that is compressed it is read. Nothing is unpickled. Raises `DataError`,
    and nothing else, on what cannot be used.

    >>> import numpy as np
    >>> load(np.eye(10)).likelihood.name
    'bernoulli'
    """
    if isinstance(source, str | os.PathLike):
        named = source if isinstance(source, str) else ""
        path = _path(source)
        if not (path.suffix in (".npy", ".npz") or path.is_file()):
            return _again(_known(named, path), levels, likelihood)
        return _from_file(path, levels, likelihood)
    if isinstance(source, Data):
        return _again(source, levels, likelihood)
    return arrays(source, levels=levels, likelihood=likelihood)


def _path(source: str | os.PathLike) -> Path:
    try:
        path = Path(source).expanduser()
        path.is_file()  # a NUL in a name is found only here
    except (TypeError, ValueError, RuntimeError, OSError) as error:
        raise DataError(f"{source!r} names no file: {error}") from error
    return path


def _again(data: Data, levels: int | None, likelihood: Family | None) -> Data:
    if levels not in (None, data.levels):
        has = "are floats" if data.levels is None else f"have {data.levels} levels"
        raise DataError(f"levels={levels} was asked for, and the values of {data.name} {has}: leave levels out")
    return data if likelihood is None else fitted(data, likelihood)


def _from_file(path: Path, levels: int | None, likelihood: Family | None) -> Data:
    stored = read_file(path)
    splits = {name: stored[name] for name in NAMES if name in stored}
    data = arrays(**splits, name=path.stem, levels=levels, likelihood=likelihood)
    labels = {name: stored[label] for name, label in zip(NAMES, LABELS, strict=True) if label in stored}
    for name, given in labels.items():
        if given.shape != (len(splits[name]),) or given.dtype.kind not in "iu":
            raise DataError(
                f"{path}: expected {name}_labels to be one integer for each of the {len(splits[name])} examples of "
                f"{name}; got {given.dtype} of shape {given.shape}"
            )
    data = data._replace(labels=labels)
    return with_entry_names(data, np.ravel(stored[ENTRY_NAMES]).tolist()) if ENTRY_NAMES in stored else data


def _known(name: str, path: Path) -> Data:
    if name in KNOWN:
        return KNOWN[name]()
    if name.startswith(TFDS):
        return tfds(name.removeprefix(TFDS))
    near = difflib.get_close_matches(name.lower(), KNOWN, n=3, cutoff=0.5)
    hint = f"; perhaps you meant {' or '.join(near)}" if near else ""
    what = "is a folder, and" if path.is_dir() else "is no file, and"
    raise DataError(
        f"{str(path)!r} {what} no data set is called so{hint}: expected a .npy or .npz file, or one of "
        f"{', '.join(sorted(KNOWN))}, or {TFDS}NAME for an image set of TFDS"
    )
