"""Arrays on disk, each with a checksum, as has every file. The only file that imports orbax; nothing is unpickled.

Files are looked at before orbax is: what it says of damage comes in six types and over pages.
"""

import contextlib
import functools
import json
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.errors import OutputError, VaejaxError
from vaejax.numerics import leaves_by_path

FORMAT = 1
INDEX, ARRAYS = "index.json", "arrays"
TEMPORARY = ".writing-"


class Leaf(NamedTuple):
    """What is noted of an array: where it stood in the tree, its type and shape, the CRC-32 of its bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    crc32: int


class Contents(NamedTuple):
    """What a folder says it holds. `note` is the JSON value that was given to `save`."""

    leaves: tuple[Leaf, ...]
    note: Any


def save(path: str | os.PathLike[str], tree: Any, note: Any = None) -> None:
    """Write a tree of arrays into a new folder, whole or not at all: under another name first, then renamed.

    Raises: OutputError in one line; what was there stays.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp() + "/params"
    >>> save(folder, {"kernel": np.ones((2, 3), np.float32)}, note={"epoch": 3})
    >>> load(folder, {"kernel": jax.ShapeDtypeStruct((2, 3), np.float32)})["kernel"].shape
    (2, 3)
    >>> contents(folder).note
    {'epoch': 3}
    """
    path = Path(path).resolve()
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    arrays = {name: _as_stored(leaf) for name, leaf in leaves_by_path(tree).items()}
    leaves = [_noted(name, array) for name, array in arrays.items()]
    try:
        if path.exists():
            raise FileExistsError(f"{path} is there already")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        stored = {f"leaf_{at}": array for at, array in enumerate(arrays.values()) if array.size}
        if stored:
            _write(temporary / ARRAYS, stored)
        index = {"format": FORMAT, "leaves": leaves, "files": _checksums(temporary), "note": note}
        (temporary / INDEX).write_text(_sealed(json.dumps(index)))
        temporary.rename(path)
    except Exception as error:  # orbax and tensorstore have many, and a full disk comes as any of them
        raise OutputError(f"cannot write {path}: {_first_line(error)}") from error
    finally:  # whatever stopped it
        shutil.rmtree(temporary, ignore_errors=True)


def contents(path: str | os.PathLike[str]) -> Contents:
    """What a folder says it holds, after a look at every byte of its files. Raises: VaejaxError in one line."""
    path = Path(path).resolve()
    if not path.is_dir():
        raise VaejaxError(f"expected saved arrays in the folder {path}, and there is none")
    try:
        index = json.loads(_unsealed((path / INDEX).read_text()))
        if index["format"] != FORMAT:
            raise VaejaxError(f"{path} was written in format {index['format']}, and this version reads {FORMAT}")
        found, noted = _checksums(path), index["files"]
        leaves = tuple(Leaf(name, dtype, tuple(shape), crc) for name, dtype, shape, crc in index["leaves"])
    except VaejaxError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VaejaxError(f"cannot read {path}: {_first_line(error)}") from error
    for name in sorted(set(found) | set(noted)):
        if found.get(name) != noted.get(name):
            how = "is not there" if name not in found else "does not match its checksum"
            raise VaejaxError(f"{path} is damaged: {name} {how}")
    return Contents(leaves, index["note"])


def load(path: str | os.PathLike[str], like: Any) -> Any:
    """Read a tree of arrays that has the structure and shapes of `like`, as NumPy arrays, bit by bit as it was saved.

    Raises: VaejaxError in one line, whatever is missing, damaged or of another shape.
    """
    leaves = contents(path).leaves
    _require_like(Path(path), {leaf.name: leaf for leaf in leaves}, leaves_by_path(like))  # before they are read
    return unflattened(Path(path), _arrays(Path(path), leaves), "", like)


def read(path: str | os.PathLike[str], parts: tuple[str, ...] = ("",)) -> tuple[Mapping[str, np.ndarray], Any]:
    """Every array by its name, or those under the names `parts` alone, as saved, and the note. Raises: VaejaxError."""
    leaves, note = contents(path)
    return _arrays(Path(path), leaves, parts), note


def _arrays(path: Path, leaves: tuple[Leaf, ...], parts: tuple[str, ...] = ("",)) -> dict[str, np.ndarray]:
    """The arrays of a folder whose files were looked at, or those under these names."""
    from orbax.checkpoint import v1 as ocp

    path, stored = path.resolve(), {f"leaf_{at}": leaf for at, leaf in enumerate(leaves)}
    wanted = {key: leaf for key, leaf in stored.items() if _is_under(leaf.name, parts)}
    try:
        empty = {key: np.empty(leaf.shape, leaf.dtype) for key, leaf in wanted.items()}
        asked = {key: empty.get(key, ...) for key, leaf in stored.items() if 0 not in leaf.shape}  # ... is not read
        with _reading():
            found = ocp.load(str(path / ARRAYS), asked) if set(asked) & set(wanted) else {}
    except Exception as error:
        raise VaejaxError(f"cannot read {path}: {_first_line(error)}") from error
    arrays = {leaf.name: np.asarray(found.get(key, empty[key])) for key, leaf in wanted.items()}
    for leaf in wanted.values():
        if _noted(leaf.name, arrays[leaf.name]) != leaf:
            raise VaejaxError(f"{path} is damaged: {leaf.name} does not match its checksum")
    return arrays


def _is_under(name: str, parts: tuple[str, ...]) -> bool:
    return any(part in ("", name) or name.startswith(f"{part}/") for part in parts)


def arrays_under(arrays: Mapping[str, np.ndarray], under: str) -> dict[str, np.ndarray]:
    """Those that were saved under a name, by what follows it; all where it is "".

    >>> [arrays_under({"params/bias": np.ones(1), "step": np.ones(1)}, name) for name in ("params", "step")]
    [{'bias': array([1.])}, {'': array([1.])}]
    """
    return {name[len(under) :].removeprefix("/"): array for name, array in arrays.items() if _is_under(name, (under,))}


def unflattened(path: Path, arrays: Mapping[str, np.ndarray], under: str, like: Any) -> Any:
    """The arrays that were saved under a name, as a tree of the structure and shapes of `like`.

    Raises: VaejaxError that names `path` where they do not fit.
    """
    inside = arrays_under(arrays, under)
    wanted = leaves_by_path(like)
    _require_like(path, inside, wanted)
    used = [_as_used(inside[name], asked) for name, asked in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(like), used)


def _require_like(path: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    odd = sorted(set(found) ^ set(wanted))
    if odd:
        where = "is not there" if odd[0] in wanted else "was not expected"
        raise VaejaxError(f"cannot read {path}: the array {odd[0] or 'at the root'} {where}")
    for name, asked in wanted.items():
        expected, got = _abstract(asked), found[name]
        if (tuple(got.shape), str(got.dtype)) != (expected.shape, str(expected.dtype)):
            raise VaejaxError(
                f"cannot read {path}: expected {name} as {expected.dtype}{list(expected.shape)}, "
                f"got {got.dtype}{list(got.shape)}"
            )


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays into a new folder, by this process alone."""
    from orbax import checkpoint
    from orbax.checkpoint import v1 as ocp

    if jax.process_count() == 1:
        return ocp.save(str(path), arrays)
    # that of v1 waits for all processes of a run, whichever are said to be active
    alone = checkpoint.options.MultiprocessingOptions(**_this_process())
    handler = checkpoint.PyTreeCheckpointHandler(multiprocessing_options=alone)
    with checkpoint.Checkpointer(handler, multiprocessing_options=alone) as writer:
        writer.save(path, arrays)


def _reading() -> Any:
    """A context in which orbax waits for no other process of a run."""
    from orbax.checkpoint import v1 as ocp

    if jax.process_count() == 1:
        return contextlib.nullcontext()
    return ocp.Context(multiprocessing_options=ocp.options.MultiprocessingOptions(**_this_process()))


def _this_process() -> dict[str, Any]:
    me = jax.process_index()
    return {"primary_host": me, "active_processes": {me}, "barrier_sync_key_prefix": f"process_{me}"}


def _checksums(folder: Path) -> dict[str, int]:
    """The CRC-32 of every file but the index, by its path in the folder."""
    files = [file for file in folder.rglob("*") if not file.is_dir() and file != folder / INDEX]
    return {file.relative_to(folder).as_posix(): _crc32(file) for file in files}


def _crc32(file: Path) -> int:
    """Of a file that may be larger than memory."""
    with file.open("rb") as opened:
        return functools.reduce(lambda crc, piece: zlib.crc32(piece, crc), iter(lambda: opened.read(2**24), b""), 0)


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _as_stored(leaf: Any) -> np.ndarray:
    """An array of numbers; a random key is its data."""
    return np.asarray(jax.random.key_data(leaf) if hasattr(leaf, "dtype") and _is_key(leaf) else leaf)


def _as_used(array: np.ndarray, like: Any) -> Any:
    return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(like)) if _is_key(like) else array


def _abstract(like: Any) -> Any:
    return jax.eval_shape(jax.random.key_data, like) if _is_key(like) else like


def _noted(name: str, array: np.ndarray) -> Leaf:
    return Leaf(name, str(array.dtype), array.shape, zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data))


def _sealed(text: str) -> str:
    """The text after a line with its own checksum."""
    return f"{zlib.crc32(text.encode()):08x}\n{text}"


def _unsealed(sealed: str) -> str:
    crc, _, text = sealed.partition("\n")
    if crc != f"{zlib.crc32(text.encode()):08x}":
        raise ValueError(f"{INDEX} does not match its checksum")
    return text


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
