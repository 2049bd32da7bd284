from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.report._frames import equal_elbo, front, limits
from vaejax.report._members import Members, column, groups, hue_axis, hues, levels, measure, members
from vaejax.report._words import name, setting
from vaejax.report.figures._look import FAINT, INK, MUTED, bare, blank, calm, shades

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from vaejax.answer import Answer

ROOM = 0.08  # around the discs, a part of their range
SMALL, LARGE = 18.0, 110.0  # square points of a disc


def rate_distortion(dataset: xr.Dataset, answer: Answer | None = None) -> Figure:
    """What members pay in rate and what distortion they get, nats on test, with the front of settings.

    Discs are members: colour is beta (or the first other axis that varies), size the latent size. The line is the
    Pareto front of settings in the mean over seeds: no other has less of both (Alemi et al. 2018, arXiv:1711.00464).
    Along a diagonal the ELBO is the same. answer: its member is ringed.

    >>> import xarray as xr
    >>> found = {"rate": ("beta", [12.0, 20.0, 30.0]), "distortion": ("beta", [90.0, 75.0, 70.0])}
    >>> found["elbo"] = ("beta", [-102.0, -95.0, -100.0])
    >>> figure = rate_distortion(xr.Dataset(found, {"beta": [4.0, 1.0, 0.5]}))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('rate (nats per example)', 'distortion (nats per example)')
    """
    flat = members(dataset, answer)
    rate, distortion = measure(flat, "rate"), measure(flat, "distortion")
    drawn = np.flatnonzero(flat.ok & np.isfinite(rate) & np.isfinite(distortion))
    with calm():
        figure = blank(5.6, 3.9)
        axes = figure.subplots()
        axes.set(xlabel="rate (nats per example)", ylabel="distortion (nats per example)")
        bare(axes, "both")
        if len(drawn):
            axes.set(xlim=limits(rate[drawn], ROOM), ylim=limits(distortion[drawn], ROOM))
            _diagonals(axes)
            _discs(axes, flat, drawn)
            _front(axes, flat)
            if flat.chosen is not None:
                at = rate[flat.chosen], distortion[flat.chosen]
                axes.plot(*at, "o", markersize=14, markerfacecolor="none", markeredgecolor=INK, label="chosen")
            figure.legend(loc="outside right upper", frameon=False, labelspacing=0.7)
    return figure


def _diagonals(axes: Any) -> None:
    """Lines of equal ELBO = -(distortion + rate), each named where it leaves the frame on the right."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for total in equal_elbo((left, right), (bottom, top)):
        axes.plot([left, right], [total - left, total - right], color=FAINT, linewidth=0.8, zorder=0)
        if bottom < total - right < top:
            axes.annotate(
                setting(-total), (right, total - right), (3, 0), textcoords="offset points", va="center",
                color=MUTED, fontsize=7, annotation_clip=False,
            )  # fmt: skip
    axes.annotate("ELBO", (1, 1), (3, 3), xycoords="axes fraction", textcoords="offset points", color=MUTED, fontsize=7)


def _discs(axes: Any, flat: Members, drawn: np.ndarray) -> None:
    """The largest first, so that none hides another; one row of the legend for each colour and for each size."""
    axis, sizes = hue_axis(flat), levels(flat, "latent_size")
    area = {size: SMALL + (LARGE - SMALL) * rank / max(len(sizes) - 1, 1) for rank, size in enumerate(sizes)}
    own, colours = column(flat, "latent_size"), hues(flat)
    palette = shades(len(levels(flat, axis)))
    rate, distortion = measure(flat, "rate"), measure(flat, "distortion")
    order = sorted(drawn, key=lambda i: (-area[own[i]], i))
    edge = {"linewidths": 0.6, "edgecolors": "white"}
    axes.scatter(
        rate[order], distortion[order], [area[own[i]] for i in order], [palette[colours[i]] for i in order], **edge
    )
    if axis is not None and len(levels(flat, axis)) > 1:
        for value, colour in zip(levels(flat, axis), palette, strict=True):
            axes.scatter([], [], 40, colour, label=f"{name(axis)} {setting(value)}", **edge)
    if len(sizes) > 1:
        for size in sizes:
            axes.scatter([], [], area[size], "none", edgecolors=MUTED, label=f"latent size {setting(size)}")


def _front(axes: Any, flat: Members) -> None:
    """Through the settings of which no other has less rate and less distortion, in the mean over seeds."""
    rate, distortion = measure(flat, "rate"), measure(flat, "distortion")
    cells = groups(flat, tuple(axis for axis in flat.axes if axis != "seed")).values()
    best = front((float(rate[cell].mean()), float(distortion[cell].mean())) for cell in cells)
    if len(best) > 1:
        axes.plot(*zip(*best, strict=True), color=INK, linewidth=1.1, linestyle=(0, (4, 2)), label="front", zorder=1)
