import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Array

from vaejax.errors import DataError
from vaejax.families import levels_of
from vaejax.likelihoods import bernoulli
from vaejax.numerics import require_count
from vaejax.types import Key, Number

from ._arrays import split_rows
from ._files import NAMES
from ._prepared import WRITABLE, folder_of, needs, prepare, quiet
from ._render import SHAPES, render
from ._types import Data
from ._views import View

NONE: Mapping[str, int] = {}


def shapes(
    num_train: Number | None = None,
    num_held_out: Number | None = None,
    *,
    size: Number = 64,
    every: Mapping[str, int] = NONE,
    frozen: Mapping[str, int] = NONE,
) -> Data:
    """737,280 binary pictures of a square, an ellipse or a heart, whose factors are known: dSprites, drawn by `render`.

    Raw examples are the five factors, uint8, which are also in `factors`; pictures are rendered where they are used, so
    3.7 MB are kept instead of 3 GB. All combinations, permuted by `np.random.default_rng(0)` and cut 80/10/10.
    num_train, num_held_out: only so many, the first ones, for training, and for each of validation and test.
    every: by name of a factor, n for its values 0, n, 2n, ...; frozen: by name, the one value it has. Values keep their
    numbers. Raises `DataError` on what is no factor or no value, on under 10 combinations, and on more than there are.

    Matthey, Higgins, Hassabis and Lerchner (2017), dSprites; theirs are other pictures, `load("tfds:dsprites")`.

    >>> data = shapes(size=16, every={"x_position": 8, "y_position": 8}, frozen={"shape": 2, "scale": 5})
    >>> data.train.shape, data.data_shape, data.preparation
    ((512, 5), (16, 16), '16 x 16 pixels rendered of the factors v')
    >>> data.factor_names
    ('shape', 'scale', 'orientation', 'x_position', 'y_position')
    """
    every_one = SHAPES.combinations(every, frozen).astype(np.uint8)
    rows = split_rows("shapes", len(every_one))
    wanted = dict(zip(NAMES, (num_train, num_held_out, num_held_out), strict=True))
    splits = {name: every_one[_first(name, wanted[name], found)] for name, found in zip(NAMES, rows, strict=True)}
    view = _rendered(require_count("the size of a picture", size))
    train, validation, test = splits.values()
    data = Data("shapes", train, validation, test, 2, bernoulli(), *view)
    return data._replace(factors=splits, factor_names=SHAPES.names)


def prepare_shapes(
    data_dir: str | os.PathLike | None = None,
    *,
    size: Number = 64,
    every: Mapping[str, int] = NONE,
    frozen: Mapping[str, int] = NONE,
) -> str:
    """Writes the pictures of `shapes`, in its splits and order, as a data set of TFDS, and gives its name there.

    For programs that read TFDS. An example has the features of TFDS's dsprites: `image`, [size, size, 1] of 0 and 1,
    and `label_shape`, `label_scale`, `label_orientation`, `label_x_position`, `label_y_position`. Written into
    `data_dir`, by default where `digits` are kept, if it is not there yet; all 737,280 take minutes.
    Raises `DataError` where the folder cannot be written.

    >>> import tempfile
    >>> from vaejax.data import tfds
    >>> few = {"scale": 3, "orientation": 20, "x_position": 31, "y_position": 31}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     name = prepare_shapes(folder, size=16, every=few)
    ...     data = tfds(name, folder)
    >>> name
    'vaejax_shapes/size_16_every_orientation_20_every_scale_3_every_x_position_31_every_y_position_31'
    >>> data.train.shape, data.factors["train"].shape
    ((40, 16, 16), (40, 5))
    """
    folder = folder_of(data_dir)
    data = shapes(size=size, every=every, frozen=frozen)
    with quiet():
        from ._shapes_builder import ShapesConfig, VaejaxShapes
    config = ShapesConfig(name=_name(data.data_shape[0], every, frozen), data=data)
    with needs("pictures of shapes", folder, WRITABLE):
        with quiet():
            builder = VaejaxShapes(data_dir=str(folder), file_format="array_record", config=config)
        if not Path(builder.data_dir).exists():
            prepare(builder)
    return f"{VaejaxShapes.name}/{config.name}"


@cache
def _rendered(size: int) -> View:
    def view(key: Key, raw: Array) -> Array:
        return render(raw, size).astype(float)

    return View(view, levels_of(2), f"{size} x {size} pixels rendered of the factors v")


def _first(split: str, num: Number | None, rows: np.ndarray) -> np.ndarray:
    if num is None:
        return rows
    num = require_count(f"the number of examples for {split}", num)
    if num > len(rows):
        raise DataError(f"shapes have {len(rows)} examples for {split}, got {num}")
    return rows[:num]


def _name(size: int, every: Mapping[str, int], frozen: Mapping[str, int]) -> str:
    given = [(how, name, of[name]) for how, of in (("every", every), ("frozen", frozen)) for name in sorted(of)]
    return "_".join([f"size_{size}", *(f"{how}_{name}_{value}" for how, name, value in given)])
