from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from vaejax.errors import DataError


class FactorSpace(NamedTuple):
    """What pictures are made of: factors by name, each an integer from 0 to its size - 1; the last counts fastest.

    >>> from vaejax.data import SHAPES
    >>> SHAPES.num, SHAPES.factors_at(40).tolist(), int(SHAPES.index_of([0, 0, 0, 1, 8]))
    (737280, [0, 0, 0, 1, 8], 40)
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def num(self) -> int:
        """How many combinations there are."""
        return int(np.prod(self.sizes, dtype=np.int64))

    def factors_at(self, index: ArrayLike) -> np.ndarray:
        """Of integers `[...]` from 0 to num - 1 the factors, int64 `[..., num_factors]`. Raises: DataError."""
        index = _whole("an index of a combination", index)
        if index.size and not (index.min() >= 0 and index.max() < self.num):
            raise DataError(f"an index of a combination must be from 0 to {self.num - 1}, got {index.tolist()}")
        return np.stack(np.unravel_index(index, self.sizes), axis=-1)

    def index_of(self, factors: ArrayLike) -> np.ndarray:
        """Of factors `[..., num_factors]` the integers `[...]`; undoes `factors_at`. Raises: DataError."""
        factors = _whole("factors", factors)
        if factors.ndim == 0 or factors.shape[-1] != len(self.names):
            raise DataError(f"factors must be {', '.join(self.names)} along the last axis, got shape {factors.shape}")
        for name, size, values in zip(self.names, self.sizes, np.moveaxis(factors, -1, 0), strict=True):
            if values.size and not (values.min() >= 0 and values.max() < size):
                raise DataError(f"the factor {name} must be from 0 to {size - 1}, got {values.tolist()}")
        return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(factors, -1, 0)), self.sizes))

    def combinations(self, every: Mapping[str, int], frozen: Mapping[str, int]) -> np.ndarray:
        """All combinations, int64 `[num, num_factors]`, in order, of every n-th value of a factor, or of one alone.

        Raises: DataError on a name or a value that is none, and on a factor that is in both.

        >>> FactorSpace(("a", "b"), (2, 5)).combinations({"b": 2}, {"a": 1}).tolist()
        [[1, 0], [1, 2], [1, 4]]
        """
        unknown = sorted({*every, *frozen} - {*self.names})
        if unknown:
            raise DataError(f"there is no factor {unknown[0]!r}: the factors are {', '.join(self.names)}")
        both = sorted({*every} & {*frozen})
        if both:
            raise DataError(f"the factor {both[0]} is frozen: leave it out of every")
        values = []
        for name, size in zip(self.names, self.sizes, strict=True):
            kept = np.arange(0, size, _count(f"every {name}", every.get(name, 1), 1, size))
            at = _count(f"the frozen {name}", frozen[name], 0, size - 1) if name in frozen else None
            values.append(kept if at is None else np.array([at]))
        return np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(-1, len(self.names))


def _whole(what: str, given: ArrayLike) -> np.ndarray:
    found = np.asarray(given)
    if found.dtype.kind not in "iu":
        raise DataError(f"{what} must be whole numbers, got {found.dtype}")
    return found.astype(np.int64)


def _count(what: str, value: int, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise DataError(f"{what} must be a whole number from {least} to {most}, got {value!r}")
    return int(value)
