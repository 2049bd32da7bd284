import glob
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vaejax.errors import DataError

from ._prepared import first_line
from ._rows import Rows

Paths = str | os.PathLike | Sequence[str | os.PathLike]


def in_records(paths: Paths, decode: Callable[[bytes], np.ndarray]) -> Rows:
    """Examples in ArrayRecord files, which stay there: rows for `vj.data.arrays`, read when they are needed.

    paths: a file, a pattern like "train-*.array_record", or several, in order.
    decode: makes an example of its record, an array of one shape and type for all.
    Cost: a row is a record that is read and decoded, with threads of ArrayRecord; files written with `group_size:1` are
    quick to read in any order. Training reads ahead of its steps.
    Raises: DataError where there is no such file or a record is no such array.

    >>> import tempfile
    >>> from array_record.python.array_record_module import ArrayRecordWriter
    >>> path = tempfile.mkdtemp() + "/rows.array_record"
    >>> writer = ArrayRecordWriter(path, "group_size:1")
    >>> written = [writer.write(np.full((2, 2), number, np.uint8).tobytes()) for number in range(3)]
    >>> writer.close()
    >>> rows = in_records(path, lambda record: np.frombuffer(record, np.uint8).reshape(2, 2))
    >>> rows.shape, rows[np.array([2, 0])][:, 0].tolist()
    ((3, 2, 2), [[2, 2], [0, 0]])
    """
    return Rows.of(Records(_files(paths), decode))


class Records:
    """An array `[N, ...]` whose rows are read from files by `records[index]`, `[n]` of whole numbers."""

    def __init__(self, files: list[str], decode: Callable[[bytes], np.ndarray]) -> None:
        from array_record.python.array_record_data_source import ArrayRecordDataSource

        self.where, self.decode = files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more", decode
        try:
            self.source: Any = ArrayRecordDataSource(files)
            num = len(self.source)
        except Exception as error:  # of the library, absl and the system
            raise DataError(f"{self.where} cannot be read as ArrayRecord: {first_line(error)}") from error
        if not num:
            raise DataError(f"{self.where} has no records")
        first = self._decoded(0, self.source[0])
        self.shape, self.dtype, self.ndim = (num, *first.shape), first.dtype, 1 + first.ndim

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        if not len(index):
            return np.empty((0, *self.shape[1:]), self.dtype)
        wanted, inverse = np.unique(index, return_inverse=True)  # each is read once
        try:
            found = self.source.__getitems__(wanted.tolist())
        except Exception as error:
            raise DataError(f"{self.where} cannot be read: {first_line(error)}") from error
        rows = [self._decoded(at, record) for at, record in zip(wanted, found, strict=True)]
        for at, row in zip(wanted, rows, strict=True):
            if (row.shape, row.dtype) != (self.shape[1:], self.dtype):
                raise DataError(
                    f"expected every record of {self.where} to be {self.dtype}{list(self.shape[1:])} as the first is; "
                    f"number {at} is {row.dtype}{list(row.shape)}"
                )
        return np.stack(rows)[inverse]

    def _decoded(self, at: int, record: bytes) -> np.ndarray:
        try:
            row = self.decode(record)
        except Exception as error:  # the user's
            raise DataError(f"record {at} of {self.where} cannot be decoded: {first_line(error)}") from error
        if not isinstance(row, np.ndarray):
            raise DataError(f"decode must give a NumPy array, got {type(row).__name__} of record {at} of {self.where}")
        return row


def _files(paths: Paths) -> list[str]:
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = []
    for one in given:
        pattern = os.path.expanduser(os.fspath(one))
        files = [pattern] if os.path.isfile(pattern) else sorted(glob.glob(pattern))
        if not files:
            raise DataError(f"no file is called {pattern!r}")
        found += files
    if not found:
        raise DataError("expected the files that hold records, got none")
    return found
