"""A matplotlib figure as inline SVG in the colours of the page, so that it is right by day, by night and in print.

matplotlib draws the frame (axes, ticks, lines); the marks that answer to the pointer are SVG of our own, put on top in
the same coordinates. Every picture is drawn twice, wide and narrow, and the page shows the one that fits.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from vaejax.report._words import safe
from vaejax.report.figures._look import settings

INK, MUTED, FAINT, GROUND = "#a80000", "#a80001", "#a80002", "#a80003"  # stand for var(--ink), ...
_NAMES = ("ink", "muted", "faint", "ground")
_FONT = 12.0


class Canvas(NamedTuple):
    """What a picture is drawn on; one unit is one CSS pixel.

    figure: to add axes to.
    wide: whether this is the wide drawing.
    """

    figure: Any
    wide: bool


def hue(index: int) -> str:
    """The colour that stands for the page's `--c<index>`."""
    return f"#a7{index:04x}"


def render(
    key: str,
    alt: str,
    draw: Callable[[Canvas], str],
    wide: tuple[int, int] = (720, 440),
    narrow: tuple[int, int] = (360, 360),
) -> str:
    """Both drawings as HTML. `draw` adds axes to the canvas and returns the marks; `key` keeps ids apart."""
    return "".join(
        _render_one(f"{key}-{kind}", kind, alt, draw, size) for kind, size in (("wide", wide), ("narrow", narrow))
    )


def _render_one(key: str, kind: str, alt: str, draw: Callable[[Canvas], str], size: tuple[int, int]) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glyphs that the measuring font lacks: the browser has others
        matplotlib.rcdefaults()
        current: Any = matplotlib.rcParams
        current.update(settings(INK, MUTED, FAINT, _FONT))
        figure = Figure(figsize=(size[0] / 72, size[1] / 72))
        marks = draw(Canvas(figure, kind == "wide"))
        figure.savefig(
            buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")), transparent=True
        )
    inner = _tidy(buffer.getvalue(), key)
    head = f'<svg class="picture {kind}" role="img" aria-label="{safe(alt)}" viewBox="0 0 {size[0]} {size[1]}">'
    return f"{head}{inner}{marks}</svg>"


def _tidy(text: str, key: str) -> str:
    """The inside of matplotlib's SVG: no outer element, no rules that reach the page, ids of its own, two decimals."""
    text = text[text.index("<svg") :]
    text = text[text.index(">") + 1 : text.rindex("</svg>")]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.S)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{key}-", text).replace("xlink:href", "href")
    text = re.sub(r"#a7([0-9a-f]{4})", lambda m: f"var(--c{int(m[1], 16)})", text)
    text = re.sub(r"#a8000([0-3])", lambda m: f"var(--{_NAMES[int(m[1])]})", text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--sans)", text)
    text = re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}", text)
    return re.sub(r"\n\s*", "\n", text).strip()


def pixels(axes: Any, x: Any, y: Any) -> np.ndarray:
    """`[n, 2]`: data coordinates of `axes` in units of the SVG, y downwards. The limits must be set before."""
    # matplotlib lays out at the figure's dpi and writes SVG at 72 per inch
    figure = axes.get_figure()
    points = axes.transData.transform(np.column_stack([np.asarray(x, float), np.asarray(y, float)]))
    points = points * 72 / figure.dpi
    return np.column_stack([points[:, 0], figure.get_figheight() * 72 - points[:, 1]])


def box(axes: Any) -> tuple[float, float, float, float]:
    """x, y, width and height of the frame of `axes` in units of the SVG."""
    figure = axes.get_figure()
    width, height = figure.get_figwidth() * 72, figure.get_figheight() * 72
    where = axes.get_position()
    return where.x0 * width, (1 - where.y1) * height, where.width * width, where.height * height


def dot(at: Sequence[float], radius: float, index: int, hue_index: int, title: str) -> str:
    """One member: a disc that names it and leads to its row in the table."""
    return (
        f'<a href="#member-{index + 1}" tabindex="-1"><circle class="dot" cx="{at[0]:.1f}" cy="{at[1]:.1f}" '
        f'r="{radius:.1f}" style="fill:var(--c{hue_index})"><title>{safe(title)}</title></circle></a>'
    )


def words(at: Sequence[float], text: str, kind: str = "label", anchor: str = "start") -> str:
    """Text at a point, with a halo of the page's colour."""
    return f'<text class="{kind}" x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}">{safe(text)}</text>'


def trace(points: np.ndarray, hue_index: int, title: str, kind: str = "curve") -> str:
    """One polyline that names itself."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    told = f"<title>{safe(title)}</title>" if title else ""
    return f'<polyline class="{kind}" points="{path}" style="stroke:var(--c{hue_index})">{told}</polyline>'


def clipped(axes: Any, marks: str) -> str:
    """`marks`, cut at the frame of `axes`."""
    where = " ".join(f"{value:.1f}" for value in box(axes))
    x, y, width, height = where.split()
    return f'<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{where}">{marks}</svg>'


def room(canvas: Canvas, left: float, bottom: float, right: float, top: float) -> Any:
    """Axes with margins in pixels."""
    width, height = (72 * length for length in canvas.figure.get_size_inches())
    place = (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    return canvas.figure.add_axes(place)
