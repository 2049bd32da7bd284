from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.report._members import Members, column, hue_axis, levels, members
from vaejax.report._words import listed, name, number, setting
from vaejax.report.figures._look import INK, blank, calm, titled

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

MOST_WRITTEN = 120  # cells with numbers in them


def heat_map(dataset: xr.Dataset, measure: str = "log_likelihood") -> Figure:
    """A measure over latent size and beta (or the first other axis that varies): mean ± standard deviation of a cell.

    A cell holds all members with these two values, of every seed and other axis; what diverged is left out, and a cell
    where all did is empty. measure: any column of the table with one number for each member, as it is in the table.

    >>> import xarray as xr
    >>> rows = {"elbo": (("beta", "latent_size"), [[-9.0, -5.0], [-8.0, -6.0]])}
    >>> figure = heat_map(xr.Dataset(rows, {"beta": [0.5, 1.0], "latent_size": [2, 4]}), "elbo")
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel(), figure.axes[1].get_ylabel()
    ('latent size', 'beta', 'ELBO')
    """
    flat, values = members(dataset, None), _values(dataset, measure)
    across, up = "latent_size", hue_axis(flat)
    columns, rows = levels(flat, across), levels(flat, up)
    cells = _cells(flat, values, (up, across))
    mean = np.array([[_mean(cells.get((row, col), [])) for col in columns] for row in rows])
    with calm():
        figure = blank(1.6 + 0.72 * len(columns), 1.2 + 0.42 * len(rows))
        axes = figure.subplots()
        picture = axes.imshow(np.ma.masked_invalid(mean), cmap="viridis", aspect="auto", origin="lower")
        axes.set_xticks(range(len(columns)), [_said(value) for value in columns])
        axes.set_yticks(range(len(rows)), [_said(value) for value in rows])
        axes.set(xlabel=name(across) if across in flat.axes else "", ylabel=name(up or ""))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.colorbar(picture, ax=axes, label=titled(dataset, measure), pad=0.02).outline.set_visible(False)
        if mean.size <= MOST_WRITTEN:
            _write(axes, picture, cells, columns, rows)
        told = _told(flat, (up, across), cells)
        if told:
            axes.set_title(told, loc="left", fontsize=8)
    return figure


def _values(dataset: xr.Dataset, name: str) -> np.ndarray:
    """`[member]`, of a column that need not be one of those that the table of a sweep has."""
    dims = tuple(dim for dim in dataset["status" if "status" in dataset else name].dims if dim != "epoch")
    return np.asarray(dataset[name].transpose(*dims).values, float).reshape(-1)


def _cells(flat: Members, values: np.ndarray, axes: tuple[str | None, ...]) -> dict[tuple[Any, ...], list[float]]:
    found: dict[tuple[Any, ...], list[float]] = {}
    places = list(zip(*(column(flat, axis) for axis in axes), strict=True))
    for at in np.flatnonzero(flat.ok & np.isfinite(values)):
        found.setdefault(places[at], []).append(float(values[at]))
    return found


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else np.nan


def _said(value: Any) -> str:
    return "all" if value is None else setting(value)


def _write(axes: Any, picture: Any, cells: dict[tuple[Any, ...], list[float]], columns: list, rows: list) -> None:
    """The mean in every cell and how members vary beneath, dark on light and light on dark."""
    known = np.concatenate([*cells.values(), [0.0]])
    spread = np.ptp([_mean(values) for values in cells.values()]) if cells else 0.0
    decimals = 0 if np.allclose(known, np.round(known)) else int(np.clip(2 - np.floor(np.log10(spread or 1.0)), 0, 3))
    for y, row in enumerate(rows):
        for x, col in enumerate(columns):
            values = cells.get((row, col), [])
            if not values:
                axes.text(x, y, "–", ha="center", va="center", color=INK)  # noqa: RUF001
                continue
            dark = picture.norm(np.mean(values)) < 0.55
            text = number(np.mean(values), decimals)
            text += f"\n± {number(np.std(values, ddof=1), decimals)}" if len(values) > 1 else ""
            axes.text(x, y, text, ha="center", va="center", fontsize=7, color="white" if dark else INK)


def _told(flat: Members, shown: tuple[str | None, ...], cells: dict[tuple[Any, ...], list[float]]) -> str:
    """Over what a cell is the mean."""
    others = [name(axis) for axis in flat.axes if axis not in shown and len(levels(flat, axis)) > 1]
    several = max((len(values) for values in cells.values()), default=1) > 1
    return f"mean ± standard deviation over {listed(others)}" if others and several else ""
