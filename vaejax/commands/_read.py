from pathlib import Path

import numpy as np

from vaejax.data import Data, holds, read_file
from vaejax.errors import DataError
from vaejax.families import UNIT_INTERVAL, levels_of

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
GREY = ("1", "L", "P", "LA")  # modes of Pillow, of 8 bits at most
WHITE = 255  # of an image


def read_examples(path: Path) -> np.ndarray:
    """The rows of a .npy or .npz file (of `test` where it has splits), an image, or the images of a folder by name.

    Raises: DataError on what cannot be read.
    """
    path = path.expanduser()
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGES)
        if not found:
            raise DataError(f"expected images in the folder {path} ({', '.join(IMAGES)}), and there is none")
        return _stacked([_image(file) for file in found], path)
    if path.suffix.lower() in IMAGES:
        return _image(path)[None]
    if not path.exists():
        raise DataError(f"expected test, validation, train, a .npy or .npz file, an image or a folder, got {path}")
    arrays = read_file(path)
    return arrays.get("test", arrays["train"])


def read_like(form: Data, path: Path) -> np.ndarray:
    """The same with the shape and values of data of this form; what is missing of floats stays NaN.

    An image for a model of two levels is black and white, and for one of floats in [0, 1] it is v/255.
    Raises: DataError.
    """
    rows = _shaped(read_examples(path), form, path)
    drawn = path.suffix.lower() in IMAGES or path.is_dir()
    return (_floats if form.levels is None else _levels)(rows, form, path, drawn)


def read_mask(path: Path, shape: tuple[int, ...], num: int | None) -> np.ndarray:
    """One where a value was seen, for each example. Raises: DataError where it is not of this shape."""
    mask = read_examples(path)
    mask = mask if num is None or mask.shape == shape[1:] else mask[:num]
    if mask.shape not in (shape, shape[1:]):
        raise DataError(f"expected a mask {shape} or {shape[1:]} in {path}, one where x was seen, got {mask.shape}")
    return np.broadcast_to(mask, shape)


def as_float32(rows: np.ndarray) -> np.ndarray:
    """What is too large becomes infinite, which is refused later."""
    with np.errstate(over="ignore"):
        return rows.astype(np.float32)


def _image(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            if opened.mode[0] in "IF":  # it would be cut off at 255
                raise DataError(f"{path} has more than 8 bits for a value ({opened.mode}): save it with 8, or as .npy")
            return np.asarray(opened.convert("L" if opened.mode in GREY else "RGB"))
    except DataError:
        raise
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from None


def _stacked(images: list[np.ndarray], path: Path) -> np.ndarray:
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise DataError(f"the images in {path} have different shapes: {', '.join(map(str, sorted(shapes)))}")
    return np.stack(images)


def _shaped(rows: np.ndarray, form: Data, path: Path) -> np.ndarray:
    """At least one row of numbers, of the shape of the data. Raises: DataError."""
    shape = form.train.shape[1:]
    if rows.ndim and rows.shape[1:] == (*shape, 1):
        rows = rows[..., 0]
    if rows.shape[1:] != shape or not rows.shape:
        one = f"; one example is [1, {', '.join(map(str, shape))}]" if rows.shape == shape else ""
        raise DataError(f"expected examples [num, {', '.join(map(str, shape))}] in {path}, got {rows.shape}{one}")
    if not len(rows):
        raise DataError(f"expected at least one example in {path}, got none")
    if rows.dtype.kind not in "buif":
        raise DataError(f"expected numbers in {path}, got {rows.dtype}")
    return rows


def _levels(rows: np.ndarray, form: Data, path: Path, drawn: bool) -> np.ndarray:
    if form.levels == 2 and rows.dtype == bool:
        rows = rows.astype(np.uint8)
    if form.levels == 2 and drawn and np.isin(rows, (0, WHITE)).all():
        rows = rows // WHITE
    if rows.dtype.kind not in "ui" or rows.min() < 0 or rows.max() >= form.levels:
        raise _unlike(rows, f"whole numbers from 0 to {(form.levels or 0) - 1}", form, path)
    return rows.astype(form.train.dtype)


def _floats(rows: np.ndarray, form: Data, path: Path, drawn: bool) -> np.ndarray:
    if drawn and form.support in (UNIT_INTERVAL, levels_of(2)):
        return rows.astype(np.float32) / WHITE
    if rows.dtype.kind != "f" and not holds(form.support, rows):
        raise _unlike(rows, f"values on {form.support}", form, path)
    return as_float32(rows)


def _unlike(rows: np.ndarray, expected: str, form: Data, path: Path) -> DataError:
    seen = "" if form.preparation == "v" else f", of which the model sees {form.preparation}"
    came = f"{rows.dtype} from {rows.min():g} to {rows.max():g}"
    return DataError(f"expected {expected} in {path}, as in training{seen}, got {came}")
