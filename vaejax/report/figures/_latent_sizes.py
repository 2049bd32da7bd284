from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.report._frames import error_of
from vaejax.report._members import Members, column, groups, hue_axis, hues, levels, measure, members
from vaejax.report._words import is_number, listed, name, setting
from vaejax.report.figures._look import FAINT, INK, MUTED, bare, blank, calm, shades, ticks, titled

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from vaejax.answer import Answer

DODGE = 0.012  # of the width, between lines
CLOSE = 0.4  # of the range: where the best are nearer together than this, they are shown close up too


def latent_sizes(dataset: xr.Dataset, answer: Answer | None = None) -> Figure:
    """Held-out log likelihood against latent size: where more latents stop to pay.

    Dots are members, lines their mean over seeds with bars of one standard error over test examples and seeds, a line
    for each beta (or the first other axis that varies); of further axes the values of the chosen member. With an
    answer, the band is its margin below the best mean, and its latent size is marked. Where the margin is too small to
    be seen beside the worst member, the best are drawn close up beside it. Without log likelihoods it is of the ELBO.

    >>> import xarray as xr
    >>> found = {"log_likelihood": (("latent_size", "seed"), [[-9.0, -9.2], [-5.0, -5.1], [-4.9, -5.2]])}
    >>> figure = latent_sizes(xr.Dataset(found, {"latent_size": [2, 4, 8], "seed": [0, 1]}))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('latent size', 'log likelihood')
    """
    flat = members(dataset, answer)
    by = "log_likelihood" if np.isfinite(measure(flat, "log_likelihood")).any() else "elbo"
    value, (kept, told) = measure(flat, by), _slice(flat)
    drawn = [i for i in kept if np.isfinite(value[i])]
    margin = float("nan") if answer is None else float(answer.margin_nats)
    with calm():
        views = _views(flat, drawn, by, margin) if drawn else [(-1.0, 0.0)]
        figure = blank(4.6 if len(views) == 1 else 7.6, 3.4)
        for at, (axes, view) in enumerate(zip(figure.subplots(1, len(views), squeeze=False)[0], views, strict=True)):
            axes.set(ylim=view, xlabel="latent size", ylabel="" if at else titled(dataset, by))
            axes.set_title(
                ("all" if not at else "the best, close up") if len(views) > 1 else "", loc="left", color=MUTED
            )
            bare(axes)
            if drawn:
                _panel(axes, flat, drawn, by, margin, None if answer is None else answer.latent_size)
        if len(levels(flat, hue_axis(flat))) > 1:
            figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
        if told:
            figure.suptitle(told, fontsize=8, x=0.01, ha="left", color=MUTED)
    return figure


def _slice(flat: Members) -> tuple[list[int], str]:
    """The members that differ from the chosen one only in latent size, colour and seed, and a sentence that says so."""
    free = ("latent_size", "seed", hue_axis(flat))
    fixed = tuple(axis for axis in flat.axes if axis not in free and len(levels(flat, axis)) > 1)
    cells = groups(flat, fixed)
    if not fixed or not cells:
        return [i for found in cells.values() for i in found], ""
    chosen = flat.chosen if flat.chosen is not None else next(iter(cells.values()))[0]
    key = tuple(column(flat, axis)[chosen] for axis in fixed)
    return cells[
        key
    ], f"at {listed([f'{name(axis)} {setting(value)}' for axis, value in zip(fixed, key, strict=True)])}"


def _views(flat: Members, drawn: list[int], by: str, margin: float) -> list[tuple[float, float]]:
    """The limits of each panel."""
    values, errors = measure(flat, by)[drawn], np.nan_to_num(_errors(flat, by)[drawn])
    low, high = float((values - errors).min()), float((values + errors).max())
    pad = max(0.07 * (high - low), 0.05)
    near = 6 * max(margin, float(np.median(errors))) if np.isfinite(margin) else 0.0
    close = [(float(values.max()) - near, high + 0.12 * near)] if 0 < near < CLOSE * (high - low) else []
    return [(low - pad, high + pad), *close]


def _errors(flat: Members, by: str) -> np.ndarray:
    return measure(flat, f"{by}_se")


def _places(sizes: list[Any]) -> dict[Any, float]:
    """Where each size stands: on a log scale if sizes span a factor of 4 or more; names side by side."""
    if all(is_number(size) and size > 0 for size in sizes):
        logs = sizes[-1] / sizes[0] >= 4
        return {size: float(np.log2(size)) if logs else float(size) for size in sizes}
    return {size: float(rank) for rank, size in enumerate(sizes)}


def _panel(axes: Any, flat: Members, drawn: list[int], by: str, margin: float, size: Any) -> None:
    sizes = levels(flat, "latent_size")
    place, value = _places(sizes), measure(flat, by)
    at = list(place.values())
    wide = (max(at) - min(at)) or 1.0
    axes.set_xlim(min(at) - 0.06 * wide, max(at) + 0.06 * wide)
    shown = ticks(at, 0.05 * wide)
    axes.set_xticks([at[i] for i in shown], [setting(sizes[i]) for i in shown])
    own, colours, palette = column(flat, "latent_size"), hues(flat), shades(len(levels(flat, hue_axis(flat))))
    best = -np.inf
    labels = _labels(flat)
    for colour, label in enumerate(labels):
        aside = DODGE * wide * (colour - (len(labels) - 1) / 2)
        cells = {one: [i for i in drawn if colours[i] == colour and own[i] == one] for one in sizes}
        cells = {one: cell for one, cell in cells.items() if cell}
        if not cells:
            continue
        means = [float(value[cell].mean()) for cell in cells.values()]
        bars = [error_of(value[cell], np.nan_to_num(_errors(flat, by)[cell])) for cell in cells.values()]
        look = {"color": palette[colour], "linewidth": 1.4, "elinewidth": 1, "capsize": 2.5, "label": label}
        axes.errorbar([place[one] + aside for one in cells], means, bars, **look)
        inside = [i for cell in cells.values() for i in cell]
        axes.plot(
            [place[own[i]] + aside for i in inside], value[inside], ".", color=palette[colour], markersize=4, alpha=0.7
        )
        best = max(best, *means)
    if np.isfinite(margin):
        axes.axhspan(best - margin, best, color=FAINT, alpha=0.7, linewidth=0, zorder=0)
    if size in place:
        axes.axvline(place[size], color=INK, linewidth=1, linestyle=(0, (1, 2)), zorder=0)


def _labels(flat: Members) -> list[str]:
    axis = hue_axis(flat)
    return ["" if axis is None else f"{name(axis)} {setting(value)}" for value in levels(flat, axis)]
