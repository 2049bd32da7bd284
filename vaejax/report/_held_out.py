"""Held-out log likelihood against latent size: where more latents stop to pay."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaejax.report import _figure as fig
from vaejax.report._members import Members, column_value, groups, hue_axis, hues, label, levels, measure
from vaejax.report._words import is_number, listed, name, nats, setting


def held_out(flat: Members, margin: float) -> tuple[str, str]:
    """The picture and a note on which members it shows; `("", "")` with fewer than two latent sizes.

    Where `margin` (nats) is too small to be seen beside the worst member, a close-up of the best is put next to it.
    """
    sizes = levels(flat, "latent_size")
    slice_, note = _slice(flat)
    drawn = [i for i in slice_ if np.isfinite(measure(flat, "log_likelihood")[i])]
    if len(sizes) < 2 or not drawn:
        return "", ""
    views = _views(flat, drawn, margin)

    def draw(canvas: fig.Canvas) -> str:
        marks = [
            _panel(axes, flat, drawn, margin, view) for axes, view in zip(_rooms(canvas, views), views, strict=True)
        ]
        return "".join(marks)

    alt = (
        "Log likelihood of the test split against latent size, one line for each beta; the table below has the numbers."
    )
    return fig.render("sizes", alt, draw, (720, 400), (360, 310 * len(views))), note


def _slice(flat: Members) -> tuple[list[int], str]:
    """The members that differ from the chosen one only in latent size, colour and seed, and a sentence that says so."""
    free = ("latent_size", "seed", hue_axis(flat))
    fixed = tuple(axis for axis in flat.axes if axis not in free and len(levels(flat, axis)) > 1)
    cells = groups(flat, fixed)
    if not fixed or not cells:
        return [i for found in cells.values() for i in found], ""
    chosen = flat.chosen if flat.chosen is not None else next(iter(cells.values()))[0]
    key = tuple(column_value(flat, chosen, axis) for axis in fixed)
    text = listed([f"{name(axis)} {setting(value)}" for axis, value in zip(fixed, key, strict=True)])
    return cells[key], f"Shown at {text}, as in the chosen member."


def _places(sizes: list[Any]) -> dict[Any, float]:
    """Where each size stands: on a log scale if sizes span a factor of 4 or more; names side by side."""
    if all(is_number(size) and size > 0 for size in sizes):
        logs = sizes[-1] / sizes[0] >= 4
        return {size: float(np.log2(size)) if logs else float(size) for size in sizes}
    return {size: float(rank) for rank, size in enumerate(sizes)}


def _views(flat: Members, drawn: list[int], margin: float) -> list[tuple[float, float]]:
    """The limits of each panel: all members, and the best of them if the margin is under a twentieth of that."""
    values, errors = measure(flat, "log_likelihood")[drawn], np.nan_to_num(measure(flat, "log_likelihood_se")[drawn])
    low, high = float((values - errors).min()), float((values + errors).max())
    pad = max(0.07 * (high - low), 0.05)
    near = 6 * max(margin, float(np.median(errors))) if np.isfinite(margin) else 0.0
    close = [(float(values.max()) - near, high + 0.12 * near)] if 0 < near < 0.4 * (high - low) else []
    return [(low - pad, high + pad), *close]


def _rooms(canvas: fig.Canvas, views: list[tuple[float, float]]) -> list[Any]:
    """Side by side where there is width for it, else one above the other."""
    left, bottom, right, top = 62 if canvas.wide else 52, 46, 16, 26 if len(views) > 1 else 14
    if len(views) == 1:
        return [fig.room(canvas, left, bottom, right, top)]
    if canvas.wide:
        return [fig.room(canvas, left, bottom, 372, top), fig.room(canvas, 410, bottom, right, top)]
    return [fig.room(canvas, left, bottom + 310, right, top), fig.room(canvas, left, bottom, right, top + 310)]


def _panel(axes: Any, flat: Members, drawn: list[int], margin: float, view: tuple[float, float]) -> str:
    """One view of the members, and the marks of those in it."""
    place = _places(levels(flat, "latent_size"))
    _frame(axes, place, view)
    _lines(axes, flat, drawn, place)
    best = max(
        measure(flat, "log_likelihood")[cell].mean() for c in _cells(flat, drawn).values() for cell in c.values()
    )
    if np.isfinite(margin):
        axes.axhspan(best - margin, best, color=fig.FAINT, alpha=0.55, linewidth=0, zorder=0)
    if axes.get_figure().axes[0] is not axes:
        axes.set_title("the best, close up", loc="left", color=fig.MUTED)
        axes.set_ylabel("")
    elif len(axes.get_figure().axes) > 1:
        axes.set_title("all", loc="left", color=fig.MUTED)
    return _dots(axes, flat, [i for i in drawn if view[0] <= measure(flat, "log_likelihood")[i] <= view[1]], place)


def _frame(axes: Any, place: dict[Any, float], view: tuple[float, float]) -> None:
    across = list(place.values())
    margin = 0.06 * (max(across) - min(across)) or 1.0
    axes.set(xlim=(min(across) - margin, max(across) + margin), ylim=view)
    shown = _sparse(list(place), place, 0.045 * (max(across) - min(across)))
    axes.set_xticks([place[s] for s in shown], [setting(s) for s in shown])
    axes.set(xlabel="latent size", ylabel="log likelihood (nats)")
    axes.grid(axis="y", color=fig.FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)


def _sparse(sizes: list[Any], place: dict[Any, float], least: float) -> list[Any]:
    """The sizes whose ticks stand at least so far apart."""
    kept: list[Any] = []
    for size in sizes:
        if not kept or place[size] - place[kept[-1]] >= least:
            kept.append(size)
    return kept


def _cells(flat: Members, drawn: list[int]) -> dict[Any, dict[Any, list[int]]]:
    """Members by colour, then by latent size."""
    wanted, colours = set(drawn), hues(flat)
    found: dict[Any, dict[Any, list[int]]] = {}
    for (size,), cell in groups(flat, ("latent_size",)).items():
        for i in cell:
            if i in wanted:
                found.setdefault(colours[i], {}).setdefault(size, []).append(i)
    return found


def _lines(axes: Any, flat: Members, drawn: list[int], place: dict[Any, float]) -> None:
    """The mean over seeds and its standard error: sqrt(mean(se^2) + s^2 / n), from test examples and from seeds."""
    value, error = measure(flat, "log_likelihood"), np.nan_to_num(measure(flat, "log_likelihood_se"))
    for colour, cells in sorted(_cells(flat, drawn).items()):
        sizes = sorted(cells, key=lambda size: place[size])
        means = [value[cells[s]].mean() for s in sizes]
        spread = [value[cells[s]].var(ddof=1) / len(cells[s]) if len(cells[s]) > 1 else 0.0 for s in sizes]
        bars = [float(np.sqrt((error[cells[s]] ** 2).mean() + v)) for s, v in zip(sizes, spread, strict=True)]
        at = [place[s] for s in sizes]
        axes.errorbar(at, means, bars, color=fig.hue(colour), linewidth=1.6, elinewidth=1, capsize=2.5, capthick=1)


def _dots(axes: Any, flat: Members, drawn: list[int], place: dict[Any, float]) -> str:
    value, error, colours = measure(flat, "log_likelihood"), measure(flat, "log_likelihood_se"), hues(flat)
    at = {i: place[column_value(flat, i, "latent_size")] for i in drawn}
    where = dict(zip(drawn, fig.pixels(axes, [at[i] for i in drawn], value[drawn]), strict=True))
    marks = [fig.dot(where[i], 3.4, i, colours[i], f"{label(flat, i)}\n{nats(value[i], error[i])}") for i in drawn]
    if flat.chosen in where:
        x, y = where[flat.chosen]
        marks.append(f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="7.5"/>')
    return "".join(marks)
