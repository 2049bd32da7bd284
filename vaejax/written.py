"""What the uses of a model write: arrays, and sheets of images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaejax.errors import OutputError
from vaejax.types import Shape

GAP = 1  # pixels between images


def is_image(shape: Shape) -> bool:
    """Whether an example is a picture: grey `[height, width]`, or with one or three channels.

    >>> is_image((8, 8)), is_image((28, 28, 1)), is_image((5,))
    (True, True, False)
    """
    return len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3))


def output(out: Path | None, run_folder: Path, name: str, endings: Sequence[str]) -> Path:
    """Where to write: `out`, or a file of this name in the run's folder with the first ending.

    Raises: OutputError, before anything is computed, where the ending is none of these or there is no such folder.
    """
    path = (out or run_folder / f"{name}{endings[0]}").expanduser()
    if path.suffix not in endings:
        raise OutputError(f"expected --out to end in {' or '.join(endings)}, got {path.name}")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")
    return path


def endings_of(shape: Shape) -> tuple[str, ...]:
    """What examples of a shape can be written as, the first by default."""
    return (".png", ".npy") if is_image(shape) else (".npy",)


def write(path: Path, arrays: np.ndarray | Mapping[str, Any], sheet: np.ndarray | None = None) -> None:
    """An array (`.npy`), several by name (`.npz`), or `sheet`, a row of pictures for each of its rows (`.png`).

    Whole or not at all. Raises: OutputError.
    """
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        if path.suffix == ".png":
            if sheet is None:
                raise OutputError(f"cannot write {path}: these are no pictures")
            picture(sheet).save(temporary)
        elif isinstance(arrays, Mapping):
            np.savez(temporary, allow_pickle=False, **arrays)
        else:
            np.save(temporary, arrays)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def write_text(path: Path, text: str) -> None:
    """A file of text, whole or not at all. Raises: OutputError."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(text)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


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
