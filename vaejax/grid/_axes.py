"""The axes of a grid: a product by default, zipped, or an explicit list of points."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vaejax.errors import VaejaxError

RESERVED = ("epoch", "validation_example", "test_example")  # dimensions of a result


class Column(NamedTuple):
    """The values of one hyper-parameter. `numeric` values may be traced; others make a program each."""

    values: tuple[Any, ...]
    labels: tuple[Any, ...]
    numeric: bool


class Axis(NamedTuple):
    """One dimension of a grid, along which one or more hyper-parameters vary together."""

    name: str
    columns: Mapping[str, Column]

    @property
    def size(self) -> int:
        """How many values it has."""
        return len(next(iter(self.columns.values())).values)


Grid = tuple[Axis, ...]


def axis(name: str, values: Any) -> Axis:
    """One hyper-parameter on a dimension of its own.

    >>> axis("beta", [0.5, 1.0]).size
    2
    """
    return _checked(Axis(name, {name: _column(name, values)}))


def zipped(**columns: Any) -> Axis:
    """Hyper-parameters that vary together along one dimension.

    >>> zipped(beta=[1.0, 4.0], learning_rate=[1e-3, 3e-3]).name
    'beta_learning_rate'
    """
    if not columns:
        raise VaejaxError(
            "zipped needs at least one hyper-parameter, like zipped(beta=[1, 4], learning_rate=[1e-3, 3e-3])"
        )
    made = {name: _column(name, values) for name, values in columns.items()}
    lengths = {name: len(column.values) for name, column in made.items()}
    if len(set(lengths.values())) > 1:
        raise VaejaxError(f"zipped hyper-parameters must have equally many values, got {lengths}")
    return _checked(Axis("_".join(columns), made))


def points(rows: Sequence[Mapping[str, Any]]) -> Axis:
    """An explicit list of members, along the dimension `point`.

    >>> points([{"beta": 1.0, "latent_size": 2}, {"beta": 4.0, "latent_size": 8}]).size
    2
    """
    rows = list(rows)
    if not rows:
        raise VaejaxError("points needs at least one member, like [{'beta': 1.0, 'latent_size': 8}]")
    names = list(rows[0])
    for row in rows:
        if list(row) != names:
            raise VaejaxError(f"every point must name the same hyper-parameters {names}, got {list(row)}")
    return _checked(Axis("point", {name: _column(name, [row[name] for row in rows]) for name in names}))


def grid_of(axes: Iterable[Axis], **more: Any) -> Grid:
    """The product of axes, in order. Raises: VaejaxError where a name comes twice."""
    grid = (*axes, *(axis(name, values) for name, values in more.items()))
    for one in grid:
        if not isinstance(one, Axis):
            raise VaejaxError(
                f"expected an axis made by zipped or points, got {one!r}; name a list of values by keyword"
            )
    names = Counter([name for one in grid for name in one.columns])
    names.update(one.name for one in grid if one.name not in one.columns)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise VaejaxError(f"an axis can be given once, got {twice[0]!r} more than once")
    return grid


def members_of(grid: Grid) -> list[dict[str, tuple[Any, Any]]]:
    """Every member as `{name: (value, label)}`, the last axis fastest."""
    return [
        {
            name: (column.values[at], column.labels[at])
            for one, at in zip(grid, index, strict=True)
            for name, column in one.columns.items()
        }
        for index in itertools.product(*(range(one.size) for one in grid))
    ]


def labels_of(grid: Grid) -> dict[str, list[Any]]:
    """What a grid is made of: the labels of every hyper-parameter.

    >>> labels_of(grid_of((), beta=[0.5, 1.0], seed=[0]))
    {'beta': [0.5, 1.0], 'seed': [0]}
    """
    return {name: list(column.labels) for one in grid for name, column in one.columns.items()}


def _column(name: str, values: Any) -> Column:
    if isinstance(values, Mapping):
        labels, values = tuple(map(str, values)), tuple(values.values())
        return Column(_filled(name, values), labels, False)
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        raise VaejaxError(f"the axis {name} must be a list of values, got {values!r}")
    values = _filled(name, tuple(_plain(value) for value in values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        wrong = [value for value in values if not np.isfinite(value)]
        if wrong:
            raise VaejaxError(f"the axis {name} must hold finite numbers, got {wrong[0]!r}")
        return Column(values, values, True)
    return Column(values, tuple(_label(value) for value in values), False)


def _filled(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise VaejaxError(f"the axis {name} is empty: give it at least one value")
    return values


def _plain(value: Any) -> Any:
    """NumPy and JAX scalars as Python numbers."""
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def _label(value: Any) -> str:
    return str(getattr(value, "name", None) or getattr(value, "__name__", None) or value)


def _checked(one: Axis) -> Axis:
    for name in (one.name, *one.columns):
        if name in RESERVED:
            raise VaejaxError(f"{name!r} is a dimension of every result and cannot name an axis")
    rows = list(zip(*(column.labels for column in one.columns.values()), strict=True))
    twice = [row for row, count in Counter(rows).items() if count > 1]
    if twice:
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(one.columns, twice[0], strict=True))
        raise VaejaxError(f"a member can be in the grid once, got {shown} more than once (a dict of values names them)")
    return one
