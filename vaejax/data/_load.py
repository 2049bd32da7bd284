import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vaejax.errors import DataError
from vaejax.types import Family

from ._arrays import NAMES, arrays
from ._digits import digits
from ._fitted import fitted
from ._types import Data

KNOWN: dict[str, Callable[[], Data]] = {"digits": digits}


def load(source: Any, *, levels: int | None = None, likelihood: Family | None = None) -> Data:
    """Data from whatever names them: `Data`, an array, a `.npy` or `.npz` file, or the name of a known data set.

    A `.npz` holds one array, which is split 80/10/10, or arrays called train, validation and test; what else lies
    beside those three is not read. Nothing is unpickled. Raises `DataError`, and nothing else, on what cannot be used.

    >>> load(np.eye(10)).likelihood.name
    'bernoulli'
    """
    if isinstance(source, str | os.PathLike):
        named = source if isinstance(source, str) else ""
        path = _path(source)
        if not (path.suffix in (".npy", ".npz") or path.is_file()):
            return _again(_known(named, path), levels, likelihood)
        return arrays(**_read(path), name=path.stem, levels=levels, likelihood=likelihood)
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


def _known(name: str, path: Path) -> Data:
    if name in KNOWN:
        return KNOWN[name]()
    near = difflib.get_close_matches(name.lower(), KNOWN, n=3, cutoff=0.5)
    hint = f"; perhaps you meant {' or '.join(near)}" if near else ""
    what = "is a folder, and" if path.is_dir() else "is no file, and"
    raise DataError(
        f"{str(path)!r} {what} no data set is called so{hint}: expected a .npy or .npz file, or one of "
        f"{', '.join(sorted(KNOWN))}"
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, by the parameter of `arrays` that each is for."""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no file"
        raise DataError(f"expected a .npy or .npz file at {path}; there is {found}")
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                return {"train": stored}
            wanted = _wanted(path, stored.files)
            return {name: stored[key] for name, key in wanted.items()}
    except DataError:
        raise
    except Exception as error:  # numpy, zipfile, zlib and tokenize each raise their own
        raise DataError(
            f"{path} cannot be read as .npy or .npz: {_why(error)}. Write it with np.save or np.savez"
        ) from error


def _why(error: Exception) -> str:
    if "allow_pickle" in str(error):
        return "it is neither, or holds pickled objects, which are not loaded"
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _wanted(path: Path, keys: list[str]) -> dict[str, str]:
    if set(NAMES) <= set(keys):
        return {name: name for name in NAMES}
    if len(keys) != 1:
        found = ", ".join(keys) or "none"
        raise DataError(f"{path}: expected one array, or train, validation and test; the arrays found are: {found}")
    return {"train": keys[0]}
