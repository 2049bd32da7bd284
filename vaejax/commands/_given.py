from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import tyro
from tyro.conf import Positional

from vaejax import configured, saved
from vaejax.data import Data, form_of, read_file
from vaejax.errors import DataError, VaejaxError
from vaejax.examples import examples_of, first, seen_by
from vaejax.families import REALS
from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Params

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
SPLITS = ("test", "validation", "train")


@dataclass(frozen=True, kw_only=True)
class Which:
    """A member of a finished run: by default the one that the answer chose."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""
    beta: float | None = None
    """Another member's beta."""
    latent_size: int | None = None
    """Another member's latent size."""

    def where(self) -> dict[str, Any]:
        """Its place in the grid, as far as it is named."""
        named: dict[str, Any] = {"beta": self.beta, "latent_size": self.latent_size}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Given(Which):
    """A member of a finished run, and examples for it."""

    examples: Annotated[Positional[str], tyro.conf.arg(metavar="EXAMPLES")] = "test"
    """A split of the run's own data (test, validation, train), or a .npy or .npz file, an image, or a folder of images,
    with values as in training."""
    num: int | None = None
    """Only so many, the first."""
    key: int = 0
    """A number that all randomness comes from."""


class Used(NamedTuple):
    """A trained member, its place in its grid, and what its examples are.

    num_train: how many it was trained on. form: how examples are stored and seen, data without an example.
    data: reads those it was trained on. key: of all that is drawn.
    """

    model: VAE
    params: Params
    place: Mapping[str, Any]
    num_train: int
    form: Data
    data: Callable[[], Data]
    key: Key

    def seen(self, data: Data, raw: Example) -> Example:
        """Raw examples as the model sees those of these data, `[num, ...]`."""
        return seen_by(data, raw, jax.random.fold_in(self.key, 1))

    def split(self, name: str, num: int | None = None) -> Example:
        """Examples of a split of the data, as the model sees them. Raises: VaejaxError where these are gone."""
        data = self.data()
        return self.seen(data, first(data.raw(name), num))


def used_of(which: Which, key: int = 0) -> Used:
    """The member that was asked for, from the folder of its run alone. Raises: VaejaxError where there is none."""
    key = require_count("key", key, least=0)
    path = which.run_folder.expanduser()
    chosen = saved.load_chosen(path, **which.where())
    read = cache(partial(saved.data_of, path, chosen.config, chosen.noted))
    facts = configured.facts_from(chosen.noted)
    form = facts.form or _form_of(read)
    return Used(*chosen.member, chosen.place, facts.num_train, form, partial(_asked_for, read), jax.random.key(key))


def _form_of(read: Callable[[], Data]) -> Data:
    """Of a run from before it was noted, whose data must be there. Raises: DataError."""
    try:
        return form_of(read())
    except VaejaxError as error:
        raise DataError(
            f"the run was written before its folder said what its examples are, so its data must be there: {error}"
        ) from error


def _asked_for(read: Callable[[], Data]) -> Data:
    try:
        return read()
    except VaejaxError as error:
        raise DataError(
            f"this needs the data that the run was trained on: {error}. Without them, give examples as a file, an "
            "image or a folder"
        ) from error


def examples_for(used: Used, given: Given) -> Example:
    """The examples that were asked for, as the model sees them. Raises: DataError on what is none for this model."""
    if given.examples in SPLITS:
        return used.split(given.examples, given.num)
    return used.seen(used.form, raw_for(used, given))


def raw_for(used: Used, given: Given) -> Example:
    """Those of a file, with values as they are stored."""
    rows: Any = _fitting(read_examples(Path(given.examples)), used.form, given.examples)
    return first(Example(rows), given.num)


def noisy_for(used: Used, given: Given) -> Example:
    """Examples whose values need not be of the data: floats in a file are taken as x, on its scale."""
    if given.examples in SPLITS:
        return examples_for(used, given)
    rows = read_examples(Path(given.examples))
    if not np.issubdtype(rows.dtype, np.floating):
        return examples_for(used, given)
    return first(examples_of(used.model, rows.astype(np.float32), within=REALS), given.num)


def read_mask(path: Path, shape: tuple[int, ...], num: int | None) -> np.ndarray:
    """One where a value was seen, for each example. Raises: DataError where it is not of this shape."""
    mask = read_examples(path)
    mask = mask if num is None else mask[:num]
    if mask.shape not in (shape, shape[1:]):
        raise DataError(f"expected a mask {shape} or {shape[1:]} in {path}, one where x was seen, got {mask.shape}")
    return np.broadcast_to(mask, shape)


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
        raise DataError(f"expected one of {', '.join(SPLITS)}, a .npy or .npz file, an image or a folder, got {path}")
    arrays = read_file(path)
    return arrays.get("test", arrays["train"])


def _image(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            return np.asarray(
                opened.convert("L") if opened.mode in ("1", "L", "P", "LA", "I;16") else opened.convert("RGB")
            )
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from None


def _stacked(images: list[np.ndarray], path: Path) -> np.ndarray:
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise DataError(f"the images in {path} have different shapes: {', '.join(map(str, sorted(shapes)))}")
    return np.stack(images)


def _fitting(rows: np.ndarray, data: Data, source: str) -> np.ndarray:
    """Rows of a file with the shape and values of the data. Raises: DataError."""
    shape, dtype = data.train.shape[1:], data.train.dtype
    if rows.ndim and rows.shape[1:] == (*shape, 1):
        rows = rows[..., 0]
    if rows.shape[1:] != shape or not rows.shape:
        one = f"; one example is [1, {', '.join(map(str, shape))}]" if rows.shape == shape else ""
        raise DataError(f"expected examples [num, {', '.join(map(str, shape))}] in {source}, got {rows.shape}{one}")
    if not len(rows):
        raise DataError(f"expected at least one example in {source}, got none")
    if data.levels is None:
        if not np.issubdtype(rows.dtype, np.floating):
            raise DataError(f"expected floats as in training in {source}, got {rows.dtype}")
        return rows.astype(np.float32)
    if not np.issubdtype(rows.dtype, np.integer) or rows.min() < 0 or rows.max() >= data.levels:
        came = f"{rows.dtype} from {rows.min():g} to {rows.max():g}"
        raise DataError(f"expected the values 0 to {data.levels - 1} in {source}, as in training, got {came}")
    return rows.astype(dtype)
