"""Parameters on disk. The only file that imports orbax."""

import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vaejax.errors import OutputError, VaejaxError


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write a tree of arrays into a new folder, whole or not at all.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp() + "/params"
    >>> save(folder, {"kernel": np.ones((2, 3), np.float32)})
    >>> load(folder, {"kernel": jax.ShapeDtypeStruct((2, 3), np.float32)})["kernel"].shape
    (2, 3)
    """
    from orbax.checkpoint import v1 as ocp

    path = Path(path).resolve()
    try:
        ocp.save(str(path), jax.tree.map(np.asarray, tree))
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write parameters to {path}: {_first_line(error)}") from error


def load(path: str | os.PathLike[str], like: Any) -> Any:
    """Read a tree of arrays that has the structure and shapes of `like`, as NumPy arrays.

    Raises: VaejaxError in one line, whatever is missing, damaged or of another shape.
    """
    from orbax.checkpoint import v1 as ocp

    path = Path(path).resolve()
    if not path.is_dir():
        raise VaejaxError(f"expected saved parameters in the folder {path}, and there is none")
    abstract = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), like)
    try:
        found = ocp.load(str(path), abstract)
    except Exception as error:  # orbax has no error of its own: ValueError, KeyError, JSONDecodeError, Exception
        raise VaejaxError(f"cannot read the parameters in {path}: {_first_line(error)}") from error
    for leaf, asked in zip(jax.tree.leaves(found), jax.tree.leaves(abstract), strict=True):
        if leaf.shape != asked.shape:
            raise VaejaxError(
                f"cannot read the parameters in {path}: expected an array of {asked.shape}, got {leaf.shape}"
            )
    return jax.tree.map(np.asarray, found)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
