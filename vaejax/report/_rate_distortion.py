"""The rate-distortion picture: what each member pays in rate, and what it gets (Alemi et al. 2018, 1711.00464)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vaejax.report import _figure as fig
from vaejax.report._members import Members, column_value, groups, hue_axis, hues, label, levels, measure
from vaejax.report._words import count, number, setting

MOST_LABELS = 60


def rate_distortion(flat: Members) -> tuple[str, str]:
    """The picture and a note on what it leaves out; `("", "")` where there is nothing to draw."""
    rate, distortion = measure(flat, "rate"), measure(flat, "distortion")
    drawn = np.flatnonzero(flat.ok & np.isfinite(rate) & np.isfinite(distortion))
    if not len(drawn):
        return "", ""
    xlim, ylim = _limits(rate[drawn]), _limits(distortion[drawn])
    inside = [int(i) for i in drawn if _within(rate[i], xlim) and _within(distortion[i], ylim)]

    def draw(canvas: fig.Canvas) -> str:
        axes = fig.room(canvas, 62 if canvas.wide else 50, 46, 58 if canvas.wide else 44, 16)
        axes.set(xlim=xlim, ylim=ylim, xlabel="rate (nats)", ylabel="distortion (nats)")
        _diagonals(axes)
        return _marks(axes, flat, inside, canvas.wide)

    alt = f"Rate against distortion of {count(len(inside), 'member')} on the test split; the table has the numbers."
    return fig.render("rd", alt, draw, (720, 470), (360, 380)), _note(flat, len(drawn) - len(inside))


def _note(flat: Members, num_outside: int) -> str:
    diverged = int((~flat.ok).sum())
    parts = [f"{count(diverged, 'member')} diverged and cannot be drawn."] if diverged else []
    parts += [f"{count(num_outside, 'member')} lie far outside the frame; see the table."] if num_outside else []
    return " ".join(parts)


def _limits(values: np.ndarray) -> tuple[float, float]:
    """The range of the values with room around it; what lies 6 interquartile ranges out does not set the scale."""
    low, high = np.quantile(values, [0.25, 0.75])
    reach = 6 * (high - low)
    kept = values[(values >= low - reach) & (values <= high + reach)]
    span = max(float(np.ptp(kept)), 0.02 * float(abs(kept).max()), 0.1)
    return float(kept.min()) - 0.09 * span, float(kept.max()) + 0.09 * span


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]


def _diagonals(axes: Any) -> None:
    """Lines of equal ELBO: distortion + rate = -elbo; each is named where it leaves the frame."""
    from matplotlib.ticker import MaxNLocator

    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for total in MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]).tick_values(left + bottom, right + top):
        if not left + bottom < total < right + top:
            continue
        axes.plot([left, right], [total - left, total - right], color=fig.FAINT, linewidth=0.8, zorder=0)
        text = f"{-total:g}".replace("-", "−")  # noqa: RUF001
        if bottom < total - right < top:
            at, offset, sides = (right, total - right), (5, 0), ("left", "center")
        else:
            continue
        axes.annotate(
            text, at, offset, textcoords="offset points", ha=sides[0], va=sides[1], color=fig.MUTED, fontsize=10,
            annotation_clip=False,
        )  # fmt: skip
    axes.annotate(
        "ELBO", (1, 1), (5, 5), xycoords="axes fraction", textcoords="offset points", ha="left", va="bottom",
        color=fig.MUTED, fontsize=10,
    )  # fmt: skip


def radii(flat: Members, wide: bool = True) -> dict[Any, float]:
    """The radius that stands for each latent size: larger is wider."""
    sizes = levels(flat, "latent_size")
    small, large = (3.6, 8.0) if wide else (2.8, 6.2)
    return {size: small + (large - small) * rank / max(len(sizes) - 1, 1) for rank, size in enumerate(sizes)}


def _marks(axes: Any, flat: Members, inside: Sequence[int], wide: bool) -> str:
    radius, colours = radii(flat, wide), hues(flat)
    where = fig.pixels(axes, measure(flat, "rate"), measure(flat, "distortion"))
    size = {i: radius[column_value(flat, i, "latent_size")] for i in inside}
    big_first = sorted(inside, key=lambda i: (-size[i], i))
    dots = [fig.dot(where[i], size[i], i, colours[i], _title(flat, i)) for i in big_first]
    ring = ""
    if flat.chosen in size:
        at = where[flat.chosen]
        ring = f'<circle class="ring" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{size[flat.chosen] + 4:.1f}"/>'
    return _threads(axes, flat, inside) + "".join(dots) + ring + _labels(axes, flat, where, size)


def _title(flat: Members, index: int) -> str:
    parts = [label(flat, index)]
    for key, text in (
        ("distortion", "distortion"),
        ("rate", "rate"),
        ("elbo", "ELBO"),
        ("log_likelihood", "log likelihood"),
    ):
        if key in flat.measures:
            parts.append(f"{text} {number(measure(flat, key)[index])} nats")
    return "\n".join(("chosen: " * (index == flat.chosen) + parts[0], *parts[1:]))


def _threads(axes: Any, flat: Members, inside: Sequence[int]) -> str:
    """A thin line through the means over seeds, from the smallest latent size to the largest."""
    others = tuple(axis for axis in flat.axes if axis not in ("latent_size", "seed"))
    colours, order = hues(flat), levels(flat, "latent_size")
    rate, distortion = measure(flat, "rate"), measure(flat, "distortion")
    lines = []
    for found in groups(flat, others).values():
        kept = [i for i in found if i in set(inside)]
        by_size = {s: [i for i in kept if column_value(flat, i, "latent_size") == s] for s in order}
        means = [(rate[i].mean(), distortion[i].mean()) for i in by_size.values() if i]
        if len(means) > 1:
            lines.append(fig.trace(fig.pixels(axes, *zip(*means, strict=True)), colours[kept[0]], "", "thread"))
    return "".join(lines)


def _labels(axes: Any, flat: Members, where: np.ndarray, size: dict[int, float]) -> str:
    """The latent size beside each point, where there is room; the chosen member first."""
    if "latent_size" not in flat.axes:
        return ""
    cells = groups(flat, tuple(axis for axis in flat.axes if axis != "seed"))
    first = [i for found in cells.values() for i in found[:1] if i in size]
    chosen = [flat.chosen] if flat.chosen in size else []
    queue = chosen + [i for i in first if i not in chosen and len(cells) <= MOST_LABELS]
    taken = [_around(where[i], radius) for i, radius in size.items()]
    frame = fig.box(axes)
    done, texts = [], []
    for i in queue:
        text = setting(column_value(flat, i, "latent_size"))
        spot = _free_spot(where[i], size[i] + 4 * (i in chosen), len(text), [*taken, *done], frame)
        if spot is None and i not in chosen:
            continue
        spot = spot or (where[i][0] + size[i] + 8, where[i][1] - size[i] - 8)
        done.append(_text_box(spot, len(text)))
        texts.append(fig.words(spot, text, "label chosen" if i in chosen else "label", "middle"))
    return "".join(texts)


def _around(at: np.ndarray, radius: float) -> tuple[float, float, float, float]:
    return at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius


def _text_box(at: tuple[float, float], length: int) -> tuple[float, float, float, float]:
    return at[0] - 3.6 * length, at[1] - 9, at[0] + 3.6 * length, at[1] + 1


def _free_spot(
    at: np.ndarray, radius: float, length: int, taken: Sequence[tuple[float, ...]], frame: tuple[float, ...]
) -> tuple[float, float] | None:
    """The middle of a baseline beside `at` where the text hits nothing and stays in the frame."""
    side = radius + 4 + 3.6 * length
    x, y, width, height = frame
    for dx, dy in (
        (side, 4),
        (0, -radius - 4),
        (-side, 4),
        (0, radius + 12),
        (side, -8),
        (-side, 14),
        (side, 14),
        (-side, -8),
    ):
        spot = (float(at[0] + dx), float(at[1] + dy))
        left, top, right, bottom = _text_box(spot, length)
        clear = all(right < b[0] or left > b[2] or bottom < b[1] or top > b[3] for b in taken)
        if clear and left > x and right < x + width and top > y and bottom < y + height:
            return spot
    return None


def colour_axis(flat: Members) -> str | None:
    """The axis that colour stands for, if it varies."""
    axis = hue_axis(flat)
    return axis if len(levels(flat, axis)) > 1 else None
