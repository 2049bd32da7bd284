from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

LARGE = 2**30  # bytes from which an array in a file stays there
CHUNK = 2**22  # bytes that are looked at at once


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of an array that stays in its file: `rows[index]` reads those, as a numpy array, and keeps nothing.

    array: mapped into memory, or what reads its rows as one does (`in_records`). index: which of its rows, in which
    order. make: what becomes of the rows that are read.
    An index is that of numpy on the first axis: an integer, a slice, a mask or integers of any shape; rows are read in
    the order of the file. `np.asarray` reads them all. Pages of the file that were read count as memory of the process
    (RssFile), and the system takes them back when it needs them.

    >>> rows = Rows.of(np.arange(12).reshape(6, 2))
    >>> rows[np.array([[4, 0]])].tolist(), rows.shape
    ([[[8, 9], [0, 1]]], (6, 2))
    """

    array: Any
    index: np.ndarray
    dtype: np.dtype
    make: Callable[[np.ndarray], np.ndarray]

    @classmethod
    def of(cls, array: Any) -> "Rows":
        """Every row, as it is stored."""
        return cls(array, np.arange(len(array)), array.dtype, lambda rows: rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array that `np.asarray` would read."""
        return (len(self.index), *self.array.shape[1:])

    @property
    def ndim(self) -> int:
        """How many axes there are, the rows counted."""
        return self.array.ndim

    @property
    def size(self) -> int:
        """How many values there are."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """What `np.asarray` would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, index: Any) -> np.ndarray:
        wanted = self.index[index]
        flat = np.ravel(wanted)
        order = np.argsort(flat, kind="stable")
        read = np.empty((len(flat), *self.array.shape[1:]), self.dtype)
        read[order] = self.make(self.array[flat[order]])
        return read.reshape(*np.shape(wanted), *self.array.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("rows that stay in their file are read into a new array: copy=False cannot be had")
        return self[:].astype(dtype or self.dtype, copy=False)


Split: TypeAlias = np.ndarray | Rows


def taken(split: Split, index: np.ndarray) -> Split:
    """Some rows, as the kind of split that it is: a new array, or other rows of the same file."""
    return replace(split, index=split.index[index]) if isinstance(split, Rows) else split[index]


def mapped(split: Split, function: Callable[[np.ndarray], np.ndarray], dtype: Any) -> Split:
    """`function` of every row, now or, of rows in a file, when they are read. It gives values of type `dtype`."""
    if not isinstance(split, Rows):
        return function(split)
    before = split.make
    return replace(split, dtype=np.dtype(dtype), make=lambda rows: function(before(rows)))


def cast(split: Split, dtype: Any) -> Split:
    """The same values as another type; what is too large for it becomes infinite."""

    def function(rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return rows.astype(dtype)

    return split if split.dtype == dtype else mapped(split, function, dtype)


def in_file_order(split: Split) -> Split:
    """The same rows, in the order in which they are read fastest."""
    return replace(split, index=np.sort(split.index)) if isinstance(split, Rows) else split


def chunks(split: Split) -> Iterator[np.ndarray]:
    """The split in pieces of at most 4 MiB, or of one row, in order: one at a time in memory."""
    step = max(1, CHUNK * len(split) // max(1, split.nbytes))
    for start in range(0, len(split), step):
        yield split[start : start + step]
