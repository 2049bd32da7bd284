import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from vaejax.errors import DataError

from . import _rows
from ._prepared import first_line

NAMES = ("train", "validation", "test")
LABELS = tuple(f"{name}_labels" for name in NAMES)
ENTRY_NAMES = "entry_names"
LOCAL_HEADER = 30  # bytes of a zip's header before a member's name, whose length and that of what follows end it


def read_file(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a `.npy` or `.npz` file: train, and validation, test, the labels of each and `entry_names` where it
    has them.

    A large file is mapped, and so are the members of a `.npz` that are not compressed (`np.savez`); their checksum in
    the zip is then not looked at. Raises `DataError` on what cannot be read; nothing is unpickled.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.npy"
    >>> np.save(path, np.zeros((5, 8, 8), np.uint8))
    >>> read_file(path)["train"].shape
    (5, 8, 8)
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no file"
        raise DataError(f"expected a .npy or .npz file at {path}; there is {found}")
    try:
        with path.open("rb") as file:
            large = path.stat().st_size >= _rows.LARGE
            if large and file.peek(6).startswith(np.lib.format.MAGIC_PREFIX):
                return {"train": np.load(path, mmap_mode="r", allow_pickle=False)}
            stored = np.load(file, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                return {"train": stored}
            wanted = _wanted(path, stored.files)
            return {name: _mapped(path, stored, key) if large else stored[key] for name, key in wanted.items()}
    except DataError:
        raise
    except Exception as error:  # numpy, zipfile, zlib and tokenize each raise their own
        raise DataError(
            f"{path} cannot be read as .npy or .npz: {_why(error)}. Write it with np.save or np.savez"
        ) from error


def _why(error: Exception) -> str:
    if "allow_pickle" in str(error):
        return "it is neither, or holds pickled objects, which are not loaded"
    return first_line(error)


def _wanted(path: Path, keys: list[str]) -> dict[str, str]:
    named = {ENTRY_NAMES: ENTRY_NAMES} if ENTRY_NAMES in keys else {}
    if set(NAMES) <= set(keys):
        return {name: name for name in (*NAMES, *(LABELS if set(LABELS) <= set(keys) else ()))} | named
    others = [key for key in keys if key != ENTRY_NAMES]
    if len(others) != 1:
        found = ", ".join(keys) or "none"
        raise DataError(f"{path}: expected one array, or train, validation and test; the arrays found are: {found}")
    return {"train": others[0]} | named


def _mapped(path: Path, stored: Any, key: str) -> np.ndarray:
    """A member of a `.npz`, in its file if it can be."""
    member = stored.zip.getinfo(f"{key}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        return stored[key]
    with path.open("rb") as file:
        file.seek(member.header_offset + LOCAL_HEADER - 4)
        name, extra = np.frombuffer(file.read(4), "<u2").tolist()
        file.seek(name + extra, 1)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if dtype.hasobject:
            return stored[key]
        return np.memmap(path, dtype, "r", file.tell(), shape, "F" if fortran else "C")
