"""Learning curves of starts as a picture: what each is worth with so many target examples, and how it overfits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.differences import quantile, variance_of_mean
from vaejax.report.figures._look import DAYLIGHT, calm, shades

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from vaejax.transfer import Worth

MARKS = "osD^vPX"
DODGE = 0.007  # of the width, between starts at one size
NEAR = 0.13  # of the width: ticks that are nearer have no words


def learning_curves(table: xr.Dataset, worth: Worth, scratch: str = "scratch") -> Figure:
    """The test bound, of what is gained on scratch and of the overfitting gap, against target examples.

    table, worth: what `transfer.learning_curves` measured and what `transfer.worth` found in it. Bars hold the mean
    over seeds, and of a gain the paired difference over seeds and examples, 97.5% sure on either side; dots are seeds.

    >>> import numpy as np, xarray as xr, vaejax as vj
    >>> bounds = np.array([[[-9.0, -5.0]] * 2, [[-6.0, -5.0]] * 2])
    >>> dims = ("start", "seed", "num_examples")
    >>> found = {"elbo": (dims, bounds), "elbo_train": (dims, bounds + 1), "status": (dims, np.full((2, 2, 2), "ok"))}
    >>> found["elbo_test_examples"] = ((*dims, "test_example"), bounds[..., None] + np.array([0.1, -0.1]))
    >>> found["history_validation"] = ((*dims, "step"), bounds[..., None] + np.zeros(3))
    >>> axes = {"start": ["scratch", "source"], "seed": [0, 1], "num_examples": [10, 1000], "step": [1, 2, 3]}
    >>> curves = xr.Dataset(found, axes)
    >>> [axes.get_title(loc="left") for axes in learning_curves(curves, vj.transfer.worth(curves)).axes][:2]
    ['bound on test (nats)', 'gained on scratch (nats)']
    """
    others = [str(name) for name in table["start"].values if name != scratch]
    colours = dict(zip(others, shades(len(others)), strict=True))
    hollow = {"linestyle": "--", "markerfacecolor": DAYLIGHT["ground"]}
    looks = {scratch: {"color": DAYLIGHT["muted"], "marker": "o", **hollow}}
    for at, (start, colour) in enumerate(colours.items()):
        looks[start] = {"color": colour, "marker": MARKS[at % len(MARKS)]}

    from matplotlib.figure import Figure

    with calm(12.0):
        figure = Figure(figsize=(15, 340 / 72), facecolor=DAYLIGHT["ground"])
        bound, gained, overfit = figure.subplots(1, 3, gridspec_kw={"wspace": 0.3})
        figure.subplots_adjust(left=0.07, right=0.985, bottom=0.15, top=0.8)
        for axes, title in (
            (bound, "bound on test (nats)"),
            (gained, f"gained on {scratch} (nats)"),
            (overfit, "overfit: own examples less test (nats)"),
        ):
            axes.set_facecolor(DAYLIGHT["ground"])
            _frame(axes, table["num_examples"].values, title)
        _seeds(bound, table["elbo"], looks)
        _seeds(overfit, table["elbo_train"] - table["elbo"], looks, 0.0)
        overfit.axhline(0.0, color=DAYLIGHT["faint"], linewidth=1, zorder=0)
        _gains(gained, worth, looks)
        lines, names = bound.get_legend_handles_labels()
        figure.legend(lines, names, loc="upper left", bbox_to_anchor=(0.06, 1.0), ncols=len(names), frameon=False)
    return figure


def _frame(axes: Any, sizes: np.ndarray, title: str) -> None:
    axes.set_title(title, loc="left", color=DAYLIGHT["muted"])
    axes.set(xscale="log", xlabel="target examples")
    logs, shown = np.log(sizes), [len(sizes) - 1]
    for at in range(len(sizes) - 2, -1, -1):
        if logs[shown[-1]] - logs[at] > NEAR * (logs[-1] - logs[0]):
            shown.append(at)
    axes.set_xticks(sizes[shown], [f"{size:,}" for size in sizes[shown]])
    axes.set_xticks([], minor=True)
    axes.grid(axis="y", color=DAYLIGHT["faint"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)


def _seeds(axes: Any, values: xr.DataArray, looks: dict[str, dict[str, Any]], *more: float) -> None:
    """Of each start the mean over seeds with its interval, and each seed; `more` is in sight too."""
    drawn, ends = [np.array(more)], []
    for at, (start, look) in enumerate(looks.items()):
        here = values.sel(start=start).transpose("num_examples", "seed").values
        known = [row[np.isfinite(row)] for row in here]
        mean = np.array([row.mean() if len(row) else np.nan for row in known])
        reach = [quantile(len(row)) * np.sqrt(variance_of_mean(row)) if len(row) else np.nan for row in known]
        across = _dodged(values["num_examples"].values, at, len(looks))
        axes.errorbar(across, mean, reach, label=start, **_line(look))
        axes.plot(across, here, ".", color=look["color"], markersize=3.5, alpha=0.5)
        drawn.append(here.ravel())
        ends += [mean - reach, mean + reach]
    _limit(axes, np.concatenate(drawn), np.concatenate(ends))


def _gains(axes: Any, worth: Worth, looks: dict[str, dict[str, Any]]) -> None:
    axes.axhspan(0.0, worth.margin_nats, color=DAYLIGHT["faint"], linewidth=0, zorder=0)
    axes.axhline(0.0, color=DAYLIGHT["muted"], linewidth=1, linestyle="--", zorder=0)
    for at, (start, look) in enumerate(looks.items()):
        gains = [gain for gain in worth.gains if gain.start == start]
        if gains:
            across = _dodged(np.array([gain.num_examples for gain in gains]), at, len(looks))
            reach = [gain.reach if np.isfinite(gain.reach) else np.nan for gain in gains]
            axes.errorbar(across, [gain.nats for gain in gains], reach, **_line(look))
    ends = [gain.nats + end * gain.reach for gain in worth.gains for end in (-1.0, 0.0, 1.0)]
    _limit(axes, np.array([0.0, worth.margin_nats, *[gain.nats for gain in worth.gains]]), np.array(ends))


def _line(look: dict[str, Any]) -> dict[str, Any]:
    return {"linewidth": 1.6, "markersize": 4.5, "elinewidth": 1, "capsize": 2.5, "capthick": 1, **look}


def _dodged(sizes: np.ndarray, at: int, num: int) -> np.ndarray:
    """The sizes, a little to the side, so that bars stand beside one another."""
    width = max(float(np.log(sizes.max() / sizes.min())), 1.0)
    return sizes * np.exp(DODGE * width * (at - (num - 1) / 2))


def _limit(axes: Any, values: np.ndarray, ends: np.ndarray) -> None:
    """What is drawn is in sight; a bar that reaches farther beyond it than it is wide is cut off."""
    low, high = np.nanmin(values), np.nanmax(values)
    wide = max(high - low, 0.1)
    ends = np.clip(ends, low - wide, high + wide)
    low, high = min(low, np.nanmin(ends)), max(high, np.nanmax(ends))
    pad = max(0.08 * (high - low), 0.05)
    axes.set_ylim(low - pad, high + pad)
