"""From tables of members to settings: members that differ by their seed alone, of one table or of several."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vaejax.answer._criteria import Criterion, by_example
from vaejax.errors import VaejaxError

if TYPE_CHECKING:
    import xarray as xr

ALIKE = ("data", "preparation", "num_train", "num_validation", "num_test", "num_samples", "epochs", "batch_size")
FACTS = ("rate", "distortion", "active_units", "effective_sample_size", "drift")  # told beside what is compared


class Setting(NamedTuple):
    """Members that differ by their seed alone; what they are compared by, larger is better, is `[seed, example]`.

    facts: `[seed]` each, of the test split.
    """

    values: Mapping[str, Any]
    seeds: tuple[Any, ...]
    validation: np.ndarray
    test: np.ndarray
    facts: Mapping[str, np.ndarray]

    @property
    def score(self) -> float:
        """The mean on validation."""
        return float(self.validation.mean())

    @property
    def member(self) -> dict[str, Any]:
        """Where the best of its seeds on validation stands."""
        return {**self.values, "seed": self.seeds[int(np.argmax(self.validation.mean(1)))]}


class _Row(NamedTuple):
    """A member that can be measured."""

    seed: Any
    validation: np.ndarray
    test: np.ndarray
    facts: Mapping[str, float]


def settings_of(tables: Sequence["xr.Dataset"], criterion: Criterion) -> tuple[list[Setting], int]:
    """The settings with a member that can be measured, and how many members diverged; seeds of tables are pooled.

    Raises: VaejaxError where tables cannot be joined, or a member is in them twice.
    """
    _require_alike(tables)
    groups: dict[tuple[Any, ...], list[_Row]] = {}
    names = sorted(_axes_of(tables[0]))
    diverged = sum(_add(groups, table, names, criterion) for table in tables)
    for key, rows in groups.items():
        twice = {row.seed for row in rows if [other.seed for other in rows].count(row.seed) > 1}
        if twice and len(tables) > 1:
            where = ", ".join(f"{name}={value}" for name, value in zip(names, key, strict=True))
            raise VaejaxError(
                f"the tables hold the member at {where}, seed={min(twice)} more than once, which would count one "
                "training twice: train other seeds, or leave it out of one table"
            )
    along = {
        name: tables[0]["status"].dims.index(tables[0][name].dims[0]) for name in names
    }  # a file has its own order
    in_order = sorted((str(name) for name in tables[0].coords if name in names), key=along.__getitem__)
    return [_setting(dict(zip(names, key, strict=True)), in_order, rows) for key, rows in groups.items()], diverged


def _add(groups: dict[tuple[Any, ...], list[_Row]], table: "xr.Dataset", names: list[str], by: Criterion) -> int:
    """Every member of a table to those of its setting; how many diverged, in training or when they were measured."""
    flat = table.stack(member_=table["status"].dims, create_index=False).transpose("member_", ...)
    status = flat["status"].values.astype(str)
    validation, test = (by.sign * one for one in _columns(flat, by.column, status == "ok"))
    seeds = flat["seed"].values.tolist() if "seed" in flat.coords else [0] * len(status)
    facts = {name: flat[name].values for name in FACTS if name in flat}
    known = (status == "ok") & np.isfinite(validation).all(1) & np.isfinite(test).all(1)
    for i in np.flatnonzero(known):
        key = tuple(flat[name].values[i].item() for name in names)
        told = {name: float(values[i]) for name, values in facts.items()}
        groups.setdefault(key, []).append(_Row(seeds[i], validation[i], test[i], told))
    return int((~known).sum())


def _columns(flat: "xr.Dataset", column: str, ok: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`[member, example]` of validation and of test; what is one number for each member is of both, one example."""
    if by_example(flat, column):
        return flat[f"{column}_validation_examples"].values, flat[f"{column}_test_examples"].values
    values = np.asarray(flat[column].values, float)[:, None]
    unknown = int((~np.isfinite(values[ok])).sum())
    if unknown:
        raise VaejaxError(f"{column} of {unknown} members that did not diverge is not known, so it cannot choose")
    return values, values


def _setting(values: Mapping[str, Any], in_order: Sequence[str], rows: Sequence[_Row]) -> Setting:
    told = set.intersection(*(set(row.facts) for row in rows))
    return Setting(
        values={name: values[name] for name in in_order},
        seeds=tuple(row.seed for row in rows),
        validation=np.stack([row.validation for row in rows]),
        test=np.stack([row.test for row in rows]),
        facts={name: np.array([row.facts[name] for row in rows]) for name in FACTS if name in told},
    )


def _axes_of(table: "xr.Dataset") -> set[str]:
    """The axes of a table without the seed; a list of points has its coordinates for axes."""
    dims = table["status"].dims
    return {str(name) for name in table.coords if len(table[name].dims) == 1 and table[name].dims[0] in dims} - {"seed"}


def _require_alike(tables: Sequence["xr.Dataset"]) -> None:
    """Raises: VaejaxError where members saw the data differently, or were measured on other examples."""
    for table in tables:
        if "; " in table.attrs.get("preparation", ""):
            raise VaejaxError(
                f"members saw the data differently ({table.attrs['preparation']}), so their bounds cannot be compared: "
                "select one first, like dataset.sel(likelihood='binomial')"
            )
    first, *others = tables
    for other in others:
        lacking = _axes_of(first) ^ _axes_of(other)
        if lacking:
            raise VaejaxError(
                f"tables are joined by the values of their axes, and {', '.join(sorted(lacking))} is an axis of one "
                "table alone: give it to the other, as a list of one value"
            )
        for name in ALIKE:
            mine, theirs = first.attrs.get(name), other.attrs.get(name)
            if mine != theirs:
                raise VaejaxError(
                    f"tables of one answer must be made alike, and {name.replace('_', ' ')} is {mine} of one and "
                    f"{theirs} of another"
                )
