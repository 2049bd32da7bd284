"""What the uses of a model write: arrays, and sheets of images."""

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vaejax.errors import OutputError
from vaejax.types import Shape

if TYPE_CHECKING:
    import xarray as xr

GAP = 1  # pixels between images
PICTURE = ".png"


def is_image(shape: Shape) -> bool:
    """Whether an example is a picture: grey `[height, width]`, or with one or three channels.

    >>> is_image((8, 8)), is_image((28, 28, 1)), is_image((5,))
    (True, True, False)
    """
    return len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3))


class Output(NamedTuple):
    """Where a use of a model writes: arrays, and a picture; `None` where that is not wanted."""

    arrays: Path | None
    picture: Path | None

    def __str__(self) -> str:
        return " and ".join(str(path) for path in self if path is not None)


def output(out: Path | None, folder: Path, name: str, shape: Shape) -> Output:
    """`name` in a folder, as arrays and, of images, as a picture; or `out` alone, which says by its ending what it is.

    name: with the ending of its arrays, .npy or .npz. shape: of an example.
    Raises: OutputError, before anything is computed, where it ends otherwise or there is no such folder.
    """
    path = place(out, folder, name, *([PICTURE] if is_image(shape) else []))
    if out is None:
        return Output(path, path.with_suffix(PICTURE) if is_image(shape) else None)
    return Output(None, path) if path.suffix == PICTURE else Output(path, None)


def place(out: Path | None, folder: Path, name: str, *more: str) -> Path:
    """`out`, which ends as `name` does or with one of `more`, or by default a file of that name in a folder.

    Raises: OutputError, before anything is computed, where it ends otherwise or there is no such folder.
    """
    if out is None:
        return _writable(folder.expanduser() / name)
    out, endings = out.expanduser(), (Path(name).suffix, *more)
    if out.suffix not in endings:
        raise OutputError(f"expected --out to end in {' or '.join(endings)}, got {out.name}")
    if not out.parent.is_dir():
        raise OutputError(f"cannot write {out}: there is no folder {out.parent}")
    return _writable(out)


def _writable(path: Path) -> Path:
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    if path.parent.is_dir() and not os.access(path.parent, os.W_OK):
        raise OutputError(f"cannot write to {path.parent}: choose another --out")
    return path


def write(where: Output, arrays: np.ndarray | Mapping[str, Any], sheet: Callable[[], np.ndarray]) -> None:
    """An array (`.npy`) or several by name (`.npz`), and `sheet()`, `[row, column, *image]`; each whole or not at all.

    Raises: OutputError.
    """
    if where.arrays is not None:
        write_arrays(where.arrays, arrays)
    if where.picture is not None:
        _whole(where.picture, lambda path: picture(sheet()).save(path))


def write_arrays(path: Path, arrays: np.ndarray | Mapping[str, Any]) -> None:
    """An array (`.npy`), or several by name (`.npz`), whole or not at all. Raises: OutputError."""
    _whole(path, lambda temporary: _save(temporary, arrays))


def _save(path: Path, arrays: np.ndarray | Mapping[str, Any]) -> None:
    if isinstance(arrays, Mapping):
        np.savez(path, allow_pickle=False, **arrays)
    else:
        np.save(path, arrays)


def write_table(path: Path, table: "xr.Dataset") -> None:
    """A table as netCDF, whole or not at all. Raises: OutputError."""
    _whole(path, lambda temporary: table.to_netcdf(temporary, engine="scipy"))


def write_bytes(path: Path, content: bytes) -> None:
    """A file, whole or not at all. Raises: OutputError."""
    _whole(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, text: str) -> None:
    """A file of text, whole or not at all. Raises: OutputError."""
    _whole(path, lambda temporary: temporary.write_text(text))


def _whole(path: Path, make: Callable[[Path], Any]) -> None:
    temporary = path.with_name(f".part.{path.name}")
    try:
        make(temporary)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:  # whatever stopped it
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def square(images: np.ndarray) -> np.ndarray:
    """Images `[num, *shape]` as `[rows, columns, *shape]`, about as many of either; the last places are black.

    >>> square(np.ones((5, 8, 8))).shape
    (2, 3, 8, 8)
    """
    num = len(images)
    columns = int(np.ceil(np.sqrt(num)))
    rows = -(-num // columns)
    filled = np.zeros((rows * columns, *images.shape[1:]), images.dtype)
    filled[:num] = images
    return filled.reshape(rows, columns, *images.shape[1:])


def rows_of(*kinds: np.ndarray, most: int = 16) -> np.ndarray:
    """The first examples as columns, a row for each kind of picture of them.

    >>> rows_of(np.zeros((20, 8, 8)), np.ones((20, 8, 8))).shape
    (2, 16, 8, 8)
    """
    return np.stack([np.asarray(kind[:most]) for kind in kinds])


def picture(sheet: np.ndarray) -> Any:
    """Values from 0 to 1 as a PIL image, each pixel several wide where images are small.

    >>> picture(np.ones((1, 2, 8, 8))).size
    (95, 50)
    """
    from PIL import Image

    rows, columns, height, width = sheet.shape[:4]
    images = np.nan_to_num(sheet.reshape(rows, columns, height, width, -1))
    canvas = np.zeros((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, images.shape[-1]))
    for row, column in np.ndindex(rows, columns):
        top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
        canvas[top : top + height, left : left + width] = images[row, column]
    zoom = max(1, 40 // max(height, width))
    pixels = (np.clip(canvas, 0, 1) * 255).round().astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)
    return Image.fromarray(pixels[..., 0] if images.shape[-1] == 1 else pixels)
