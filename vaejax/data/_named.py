from collections.abc import Iterable
from typing import Any

from vaejax.errors import DataError

from ._types import Data


def with_entry_names(data: Data, names: Iterable[str]) -> Data:
    """The data with a name for each entry of x, a vector, like the columns of a table: what reports call them.

    Raises: DataError where x is no vector, or has another number of entries, or a name is no text.

    >>> import numpy as np
    >>> from vaejax.data import arrays
    >>> with_entry_names(arrays(np.zeros((10, 2))), ["age", "income"]).entry_names
    ('age', 'income')
    """
    if isinstance(names, str):
        raise DataError(f"expected a name for each entry of x, got the text {names!r}: give a list")
    found = tuple(names)
    others = [name for name in found if not isinstance(name, str)]
    if others:
        raise DataError(f"expected names of entries as text, got {others[0]!r}")
    if data.data_shape != (len(found),):
        raise DataError(
            f"expected a name for each entry of x, and x of {data.name} has shape {data.data_shape}; "
            f"got {len(found)} names: {', '.join(found[:8])}{', ...' if len(found) > 8 else ''}"
        )
    return data._replace(entry_names=tuple(map(str, found)))


def columns_of(table: Any) -> tuple[str, ...]:
    """The names of the columns of a table, as pandas and polars have them; empty where they are no text.

    >>> columns_of([[1.0, 2.0]])
    ()
    """
    names = getattr(table, "columns", ())
    found = tuple(names) if isinstance(names, Iterable) else ()
    return tuple(map(str, found)) if all(isinstance(name, str) for name in found) else ()
