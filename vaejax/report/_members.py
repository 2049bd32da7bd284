"""The grid as a flat list of members, whatever its axes are called and however many there are."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vaejax.report._measured import LATEST, measured
from vaejax.report._words import is_number, name, plain, setting


class Members(NamedTuple):
    """All members of a run in the order of its grid, then of each further one.

    axes: names, in the order of the user.
    settings: one tuple for each member, one value for each axis.
    measures: `[num_members]` each, NaN where a member diverged or was not measured; one that was not taken is absent.
    status: `[num_members]`, `ok` where the member has numbers, or is still trained; else why it has none.
    curves: `[num_members, num_epochs]`, the held-out bound; no columns where there is no history.
    epochs: `[num_epochs]`.
    chosen: which member the answer is about.
    """

    axes: tuple[str, ...]
    settings: tuple[tuple[Any, ...], ...]
    measures: dict[str, np.ndarray]
    status: np.ndarray
    curves: np.ndarray
    epochs: np.ndarray
    chosen: int | None

    @property
    def ok(self) -> np.ndarray:
        """`[num_members]`, whether the member has numbers."""
        return self.status == "ok"


def members(dataset: Any, answer: Any, rounds: Sequence[Any] = ()) -> Members:
    """Flatten grids of one set of axes. An explicit list of points (one dimension `point`) has its coordinates."""
    parts = [_members(one) for one in (dataset, *rounds)]
    flat = functools.reduce(_joined, parts)
    return flat._replace(chosen=chosen_of(flat, {} if answer is None else answer.member or {}))


def _members(dataset: Any) -> Members:
    dims = tuple(d for d in _template(dataset).dims if d != "epoch")
    axes, settings = _settings(dataset, dims)
    measures = {
        one.key: _flat(dataset[one.key], dims).astype(float) for one in measured([dataset]) if one.key in dataset
    }
    num = len(settings)
    status = _flat(dataset["status"], dims).astype(str) if "status" in dataset else np.full(num, "ok")
    status = np.where((status == "ok") & ~np.isfinite(measures.get("elbo", np.zeros(num))), "diverged", status)
    curves = _curves(dataset, dims, num)
    if "elbo" not in measures and curves.shape[1]:
        measures[LATEST.key] = _latest(curves)
    epochs = dataset["epoch"].values if "epoch" in dataset.coords else np.arange(1, curves.shape[1] + 1)
    return Members(axes, settings, measures, status, curves, np.asarray(epochs, float), None)


def _latest(curves: np.ndarray) -> np.ndarray:
    """The last number of each curve that is known; NaN where none is."""
    known = np.isfinite(curves)
    last = curves.shape[1] - 1 - known[:, ::-1].argmax(1)
    return np.where(known.any(1), curves[np.arange(len(curves)), last], np.nan)


def _joined(one: Members, other: Members) -> Members:
    """Both, one after the other; a measure that one of them lacks is NaN there, and so are epochs."""
    measures = {
        key: np.concatenate([measure(one, key), measure(other, key)]) for key in {**one.measures, **other.measures}
    }
    epochs = np.union1d(one.epochs, other.epochs)
    curves = np.full((len(one.settings) + len(other.settings), len(epochs)), np.nan)
    curves[: len(one.settings), np.searchsorted(epochs, one.epochs)] = one.curves
    curves[len(one.settings) :, np.searchsorted(epochs, other.epochs)] = other.curves
    order = [other.axes.index(axis) for axis in one.axes]
    settings = (*one.settings, *(tuple(row[k] for k in order) for row in other.settings))
    return Members(one.axes, settings, measures, np.concatenate([one.status, other.status]), curves, epochs, None)


def _template(dataset: Any) -> Any:
    return next(dataset[key] for key in ("status", "elbo", *dataset.data_vars) if key in dataset)


def _flat(array: Any, dims: tuple[str, ...]) -> np.ndarray:
    return np.asarray(array.transpose(*dims).values).reshape(-1)


def _curves(dataset: Any, dims: tuple[str, ...], num: int) -> np.ndarray:
    if "history_validation" not in dataset:
        return np.zeros((num, 0))
    return np.asarray(dataset["history_validation"].transpose(*dims, "epoch").values, float).reshape(num, -1)


def _settings(dataset: Any, dims: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    axes: list[str] = []
    columns: list[list[Any]] = []
    shape = tuple(dataset.sizes[d] for d in dims)
    indices = np.indices(shape).reshape(len(dims), math.prod(shape))
    for dim, index in zip(dims, indices, strict=True):
        for axis in _axes_along(dataset, dim):
            values = dataset[axis].values if axis in dataset.coords else np.arange(dataset.sizes[dim])
            axes.append(str(axis))
            columns.append([plain(values[i]) for i in index])
    num = math.prod(shape)
    return tuple(axes), tuple(zip(*columns, strict=True)) if columns else ((),) * num


def _axes_along(dataset: Any, dim: str) -> list[str]:
    along = [key for key, coord in dataset.coords.items() if coord.dims == (dim,)]
    return [dim] if dim in along or not along else along


def _same(one: Any, other: Any) -> bool:
    one, other = plain(one), plain(other)
    if is_number(one) and is_number(other):
        return math.isclose(one, other, rel_tol=1e-5)
    return bool(one == other)


def chosen_of(flat: Members, member: Mapping[str, Any]) -> int | None:
    """The member with these settings; of several (an axis is not named) the one with the best log likelihood."""
    asked = [(flat.axes.index(axis), value) for axis, value in member.items() if axis in flat.axes]
    if not member or not flat.ok.any():
        return None
    found = [i for i in np.flatnonzero(flat.ok) if all(_same(flat.settings[i][k], value) for k, value in asked)]
    score = np.nan_to_num(measure(flat, "log_likelihood"), nan=-np.inf)
    return int(max(found, key=lambda i: score[i])) if found else None


def measure(flat: Members, key: str) -> np.ndarray:
    """`[num_members]`; NaN everywhere if it was not taken."""
    return flat.measures.get(key, np.full(len(flat.settings), np.nan))


def column(flat: Members, axis: str | None) -> list[Any]:
    """The value on `axis` of each member; `None` where there is no such axis."""
    if axis not in flat.axes:
        return [None] * len(flat.settings)
    index = flat.axes.index(axis)
    return [row[index] for row in flat.settings]


def levels(flat: Members, axis: str | None) -> list[Any]:
    """The distinct values on `axis`: numbers from small to large, others as they come."""
    return distinct(column(flat, axis))


def distinct(values: Iterable[Any]) -> list[Any]:
    """Each value once: numbers from small to large, others as they come."""
    found = list(dict.fromkeys(values))
    return sorted(found) if all(is_number(value) for value in found) else found


def label(flat: Members, index: int) -> str:
    """`beta 1, latent size 16, seed 0`: those two where they are axes, and what else varies."""
    told = [axis for axis in flat.axes if axis in ("beta", "latent_size") or len(levels(flat, axis)) > 1]
    parts = [f"{name(axis)} {setting(column_value(flat, index, axis))}" for axis in told]
    return ", ".join(parts) or "the only member"


def hue_axis(flat: Members) -> str | None:
    """The axis shown as colour: beta, or the first other axis that varies."""
    ordered = hue_axes(flat.axes)
    return next((axis for axis in ordered if len(levels(flat, axis)) > 1), ordered[0] if ordered else None)


def hue_axes(axes: Sequence[str]) -> list[str]:
    """Those that may be shown as colour, the likeliest first."""
    others = [axis for axis in axes if axis not in ("beta", "latent_size", "seed")]
    return [axis for axis in ("beta", *others) if axis in axes]


def hues(flat: Members) -> list[int]:
    """Which colour each member has, counted from 0."""
    axis = hue_axis(flat)
    order = {value: rank for rank, value in enumerate(levels(flat, axis))}
    return [order[value] for value in column(flat, axis)]


def groups(flat: Members, axes: tuple[str, ...]) -> dict[tuple[Any, ...], list[int]]:
    """The members with numbers, by their values on `axes`."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for index in np.flatnonzero(flat.ok):
        key = tuple(column_value(flat, int(index), axis) for axis in axes)
        found.setdefault(key, []).append(int(index))
    return found


def column_value(flat: Members, index: int, axis: str) -> Any:
    """The value of one member on one axis."""
    return flat.settings[index][flat.axes.index(axis)] if axis in flat.axes else None
