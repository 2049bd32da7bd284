from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.report._frames import heights
from vaejax.report._members import Members, hue_axis, hues, levels, measure, members
from vaejax.report._words import name, setting
from vaejax.report.figures._look import FAINT, INK, bare, blank, calm, shades

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from vaejax.answer import Answer

LAST = 0.2  # of the epochs, over which drift is measured


def curves(dataset: xr.Dataset, answer: Answer | None = None) -> Figure:
    """Each member's held-out bound over the epochs, nats per example on validation; the last 20% are shaded.

    Colour is beta (or the first other axis that varies). The axis begins where the worst curve stands after a tenth of
    the epochs, as the first steep rise hides all else. answer: its member is drawn thick. A run that is going on is
    drawn as far as it has come.

    >>> import xarray as xr
    >>> found = {"history_validation": (("beta", "epoch"), [[-9.0, -6.0, -5.0], [-9.0, -7.0, -6.5]])}
    >>> figure = curves(xr.Dataset(found, {"beta": [1.0, 4.0], "epoch": [1, 2, 3]}))
    >>> figure.axes[0].get_ylabel(), len(figure.axes[0].lines)
    ('held-out ELBO (nats per example)', 2)
    """
    flat = members(dataset, answer)
    total = float(dataset.attrs.get("epochs", flat.epochs[-1] if len(flat.epochs) else 1))
    drawn = [i for i in range(len(flat.settings)) if np.isfinite(flat.curves[i]).any()]
    with calm():
        figure = blank(5.6, 3.4)
        axes = figure.subplots()
        axes.set(xlabel="epoch", ylabel="held-out ELBO (nats per example)")
        bare(axes)
        if drawn:
            first = float(flat.epochs[0])
            axes.set(xlim=(min(first, total - 1), total), ylim=heights(flat.curves[drawn], flat.curves.shape[1] // 10))
            axes.axvspan(total - LAST * (total - first + 1), total, color=FAINT, alpha=0.5, linewidth=0, zorder=0)
            _traces(axes, flat, drawn)
            if len(axes.get_legend_handles_labels()[0]) > 1:
                figure.legend(loc="outside right upper", frameon=False)
    return figure


def _traces(axes: Any, flat: Members, drawn: list[int]) -> None:
    axis, colours = hue_axis(flat), hues(flat)
    names = [f"{name(axis or '')} {setting(value)}" for value in levels(flat, axis)]
    palette, told = shades(len(names)), set()
    for i in sorted(drawn, key=lambda i: (i == flat.chosen, colours[i], -np.nan_to_num(measure(flat, "elbo")[i]))):
        seen = np.isfinite(flat.curves[i])
        label = names[colours[i]] if colours[i] not in told and len(names) > 1 else None
        told.add(colours[i])
        look = {"color": palette[colours[i]], "linewidth": 1.0, "alpha": 0.85, "label": label}
        if i == flat.chosen:
            look = {"color": INK, "linewidth": 2.0, "label": "chosen"}
        axes.plot(flat.epochs[seen], flat.curves[i][seen], **look)
