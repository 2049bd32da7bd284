from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from vaejax.types import Family, Key, Shape, Support


class Data(NamedTuple):
    """Three splits of raw examples and how `x` is made of one.

    train, validation, test: `[N, *data_shape]`, uint8 with values below `levels`, or float32.
    levels: n where the value v stands for v/(n-1), v in 0, ..., n-1; `None` where floats are meant as they are.
    likelihood: the default, normalised on the values of `x`.
    view: `(key, raw) -> x`, one raw example to floats of the same shape; pure jax, for inside `jit` and `vmap`.
    support: where `x` lies.
    preparation: the view in words, of a raw value `v`.

    >>> from vaejax.data import arrays
    >>> arrays(np.zeros((10, 8, 8), np.uint8)).data_shape
    (8, 8)
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    levels: int | None
    likelihood: Family
    view: Callable[[Key, Array], Array]
    support: Support
    preparation: str

    @property
    def data_shape(self) -> Shape:
        """The shape of one example."""
        return self.train.shape[1:]

    @property
    def splits(self) -> dict[str, np.ndarray]:
        """The raw splits by name, in order."""
        return {"train": self.train, "validation": self.validation, "test": self.test}
