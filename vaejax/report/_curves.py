"""Was training long enough? Each member's held-out bound over the epochs, and a verdict in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaejax.report import _figure as fig
from vaejax.report._members import Members, hues, label, measure
from vaejax.report._words import count, number, safe

LIMIT = 0.1  # nats
MOST_CURVES = 60
MOST_POINTS = 90
MOST_NAMED = 6
SETTLED = "A learning rate that falls to zero settles any run; a longer one may still gain."


def drifting(flat: Members) -> list[int]:
    """The members whose held-out bound changed by `LIMIT` or more over the last 20% of the epochs, largest first."""
    size = np.abs(np.nan_to_num(measure(flat, "drift")))
    return sorted((int(i) for i in np.flatnonzero(flat.ok & (size >= LIMIT))), key=lambda i: -size[i])


def verdict(flat: Members) -> str:
    """HTML: all is settled, or a warning that names the members that are not."""
    if not np.isfinite(measure(flat, "drift")[flat.ok]).any():
        return "<p>No drift of the held-out bound was recorded.</p>"
    moving = drifting(flat)
    if not moving:
        who = "Every member's held-out bound" if len(flat.settings) > 1 else "The held-out bound"
        text = f"{who} changed by less than {LIMIT:g} nats over the last 20% of the epochs."
        return f'<p class="good"><b>It settled.</b> {text} {SETTLED}</p>'
    return f'<div class="warning" role="note">{_warning(flat, moving)}</div>'


def _warning(flat: Members, moving: list[int]) -> str:
    drift, total = measure(flat, "drift"), len(flat.settings)
    rising = sum(drift[i] > 0 for i in moving)
    advice = "Train longer before you trust them." if rising else "They were falling: the best epoch was kept."
    named = [f"{safe(label(flat, i))}: {number(drift[i], sign=True)} nats" for i in moving[:MOST_NAMED]]
    named += [f"and {len(moving) - MOST_NAMED:,} more in the table"] if len(moving) > MOST_NAMED else []
    items = "".join(f"<li>{text}</li>" for text in named)
    chosen = " <b>The chosen member is one of them.</b>" if flat.chosen in moving else ""
    who = f"{len(moving):,} of {count(total, 'member')} changed" if len(moving) < total else "Every member changed"
    who = who if total > 1 else "The held-out bound changed"
    head = f"{who} by {LIMIT:g} nats or more over the last 20% of the epochs"
    return f"<p><b>Perhaps not.</b> {head}:</p><ul>{items}</ul><p>{advice}{chosen}</p>"


def curves(flat: Members) -> tuple[str, str]:
    """The picture and a note on how many curves it shows; `("", "")` without a history."""
    shown = _thinned(flat)
    if not shown or flat.curves.shape[1] < 2:
        return "", ""

    def draw(canvas: fig.Canvas) -> str:
        axes = _frame(canvas, flat, shown)
        return fig.clipped(axes, _traces(axes, flat, shown))

    alt = "Held-out ELBO of each member against the epoch, with the last 20% of the epochs shaded."
    total = int(flat.ok.sum())
    note = (
        f"{len(shown)} of {total:,} curves are drawn, those that moved most among them." if len(shown) < total else ""
    )
    return fig.render("curves", alt, draw, (720, 380), (360, 320)), note


def _thinned(flat: Members) -> list[int]:
    """The chosen member, those that drift most, and the rest evenly; the chosen last, so that it is on top."""
    usable = [int(i) for i in np.flatnonzero(flat.ok) if np.isfinite(flat.curves[i]).sum() > 1]
    first = [i for i in drifting(flat) if i in set(usable)][: MOST_CURVES // 3]
    rest = [i for i in usable if i not in set(first)]
    room = MOST_CURVES - 1 - len(first)
    step = max(len(rest) / max(room, 1), 1.0)
    kept = {*first, *(rest[int(k * step)] for k in range(min(room, len(rest))))}
    chosen = [flat.chosen] if flat.chosen is not None and flat.chosen in usable else []
    return [i for i in sorted(kept) if i not in chosen] + chosen


def _frame(canvas: fig.Canvas, flat: Members, shown: list[int]) -> Any:
    axes = fig.room(canvas, 62 if canvas.wide else 52, 46, 16, 14)
    first, last = float(flat.epochs[0]), float(flat.epochs[-1])
    axes.set(xlim=(first, last), ylim=_limits(flat.curves[shown]), xlabel="epoch", ylabel="held-out ELBO (nats)")
    axes.axvspan(last - 0.2 * (last - first + 1), last, color=fig.FAINT, alpha=0.45, linewidth=0)
    axes.grid(axis="y", color=fig.FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    return axes


def _limits(values: np.ndarray) -> tuple[float, float]:
    """From where the worst curve stands after a tenth of the epochs: the first steep rise hides all else."""
    later = values[:, max(1, values.shape[1] // 10) :]
    low, high = float(np.nanquantile(later, 0.01)), float(np.nanmax(values))
    pad = max(0.06 * (high - low), 0.05)
    return low - pad, high + pad


def _traces(axes: Any, flat: Members, shown: list[int]) -> str:
    colours, drift = hues(flat), measure(flat, "drift")
    keep = np.unique(np.linspace(0, len(flat.epochs) - 1, MOST_POINTS).round().astype(int))
    low, high = axes.get_ylim()
    lines = []
    for i in shown:
        seen = keep[np.isfinite(flat.curves[i][keep])]
        values = np.clip(flat.curves[i][seen], low - (high - low), high)
        title = f"{label(flat, i)}\nlast 20%: {number(drift[i], 3, sign=True)} nats"
        kind = "curve chosen" if i == flat.chosen else "curve"
        lines.append(fig.trace(fig.pixels(axes, flat.epochs[seen], values), colours[i], title, kind))
    return "".join(lines)
