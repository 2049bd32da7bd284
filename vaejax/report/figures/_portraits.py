from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.errors import VaejaxError
from vaejax.report._portrait import Portrait
from vaejax.report._sprites import Look, is_image, look_of
from vaejax.report._words import number
from vaejax.report.figures._look import FAINT, INK, MUTED, bare, blank, calm, shades

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILE = 0.5  # inches
COLUMNS = 8
DASHED = (0, (2, 1.5))


def reconstructions(portrait: Portrait, examples: Any) -> Figure:
    """Each example above what the member makes of it; of what is no picture, one line over the other.

    examples: `[num, *data_shape]`, those the portrait was made with. Raises: VaejaxError where it has none.

    >>> pictures = np.linspace(0, 1, 3 * 64).reshape(3, 8, 8)
    >>> len(reconstructions(Portrait(reconstructions=pictures), pictures).axes)
    6
    """
    rebuilt = _known("reconstructions", portrait.reconstructions)
    given = np.asarray(examples, float)[: len(rebuilt)]
    look = look_of(given, 0)
    if is_image(given.shape[1:]):
        return _tiles(np.stack([given, rebuilt]), look, ("example", "reconstruction"))
    with calm():
        columns = min(len(given), 4)
        figure = blank(1.8 * columns, 1.1 * -(-len(given) // columns))
        for axes, before, after in zip(_grid(figure, len(given), columns), given, rebuilt, strict=True):
            _line(axes, [after], look, INK)
            axes.plot(np.ravel(before), color=MUTED, linewidth=1, linestyle=DASHED)
        figure.suptitle("example (dashed) and reconstruction", fontsize=8, x=0.01, ha="left")
    return figure


def samples(portrait: Portrait, num: int = 32) -> Figure:
    """Means of p(x|z) at draws of the prior. Raises: VaejaxError where the portrait has none.

    >>> len(samples(Portrait(samples=np.zeros((32, 8, 8)))).axes)
    32
    """
    drawn = _known("samples", portrait.samples)[:num]
    look = look_of(drawn, 0)
    columns = min(COLUMNS, len(drawn))
    if not is_image(drawn.shape[1:]):
        return _lines(drawn, look, columns // 2 or 1)
    with calm():
        figure = blank(TILE * columns, TILE * -(-len(drawn) // columns))
        _close(figure)
        for axes, event in zip(_grid(figure, len(drawn), columns), drawn, strict=True):
            _tile(axes, event, look)
    return figure


def interpolation(portrait: Portrait) -> Figure:
    """From the first example to one that differs, through codes between theirs. Raises: VaejaxError without one.

    >>> len(interpolation(Portrait(interpolation=np.zeros((9, 8, 8)))).axes)
    9
    """
    steps = _known("interpolation", portrait.interpolation)
    return _tiles(steps[None], look_of(steps, 0), ("",))


def traversals(portrait: Portrait) -> Figure:
    """A row for each latent, moved from one end of its prior to the other, the most informative first.

    Above the columns stand the values of the first row's latent, which are nearly those of the others. Raises:
    VaejaxError where the portrait has none.

    >>> from vaejax.report import Traversed
    >>> row = Traversed(2, 1.5, np.linspace(-2.5, 2.5, 9), np.zeros((9, 8, 8)))
    >>> traversals(Portrait(traversals=(row,))).axes[0].get_ylabel()
    'latent 3\\n1.50 nats'
    """
    rows = _known("traversals", portrait.traversals)
    events = np.stack([row.events for row in rows])
    rates = [f"\n{row.rate:.2f} nats" if np.isfinite(row.rate) else "" for row in rows]
    names = [f"latent {row.latent + 1}{rate}" for row, rate in zip(rows, rates, strict=True)]
    return _tiles(events, look_of(events, 0), names, rows[0].values)


def codes(portrait: Portrait, labels: Any = None) -> Figure:
    """Codes of test examples in a plane, coloured by label. Raises: VaejaxError where the portrait has none.

    labels: `[num]`, integers; `None` where there are none.

    >>> from vaejax.report import Codes
    >>> plane = Codes(np.zeros((5, 2)), "the two latents")
    >>> codes(Portrait(codes=plane), [0, 1, 1, 0, 2]).axes[0].get_title(loc="left")
    'the two latents'
    """
    if portrait.codes is None:
        raise _missing("codes")
    x, y = portrait.codes.points.T
    with calm():
        figure = blank(4.8, 4.0)
        axes = figure.subplots()
        axes.set_title(portrait.codes.title, loc="left", fontsize=8, color=MUTED)
        axes.set(xlabel="units of the latents")
        bare(axes, "both")
        if labels is None:
            axes.scatter(x, y, 9, shades(1)[0], linewidths=0)
        else:
            _by_label(axes, x, y, np.asarray(labels)[: len(x)])
            figure.legend(loc="outside right upper", frameon=False, title="label", markerscale=1.6)
    return figure


def rates(portrait: Portrait) -> Figure:
    """The mean rate of each latent over test examples, nats, the largest first. Raises: VaejaxError without them.

    >>> rates(Portrait(rates=np.array([0.1, 2.0]))).axes[0].get_xlabel()
    'latent, by its rate'
    """
    if portrait.rates is None or not len(portrait.rates):
        raise _missing("rates")
    order = np.argsort(-portrait.rates, kind="stable")
    with calm():
        figure = blank(max(2.4, 1.0 + 0.2 * len(order)), 2.4)
        axes = figure.subplots()
        axes.bar(range(len(order)), portrait.rates[order], color=shades(1)[0], width=0.7)
        shown = range(0, len(order), -(-len(order) // 32))
        axes.set_xticks(list(shown), [str(order[at] + 1) for at in shown])
        axes.set(xlabel="latent, by its rate", ylabel="rate (nats per example)")
        axes.set_title(f"{portrait.rates.sum():.2f} nats together", loc="left", fontsize=8, color=MUTED)
        bare(axes)
    return figure


def _known(name: str, part: Any) -> Any:
    if part is None or not len(part):
        raise _missing(name)
    return part if isinstance(part, tuple) else np.asarray(part, float)


def _missing(name: str) -> VaejaxError:
    return VaejaxError(f"this portrait has no {name}: they make no sense for its model, or were left out")


def _tiles(events: np.ndarray, look: Look, names: Sequence[str], values: Any = None) -> Figure:
    """Events `[row, column, *shape]`, close together; a name for each row and a value above each column."""
    num_rows, num_columns = events.shape[:2]
    if not is_image(events.shape[2:]):
        return _lines(events.reshape(-1, *events.shape[2:]), look, num_columns, names)
    with calm():
        figure = blank(TILE * num_columns + 0.9 * any(names), TILE * num_rows + 0.2 * (values is not None))
        _close(figure)
        grid = figure.subplots(num_rows, num_columns, squeeze=False)
        for row, name, pictures in zip(grid, names, events, strict=True):
            for axes, event in zip(row, pictures, strict=True):
                _tile(axes, event, look)
            row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
        for axes, value in zip(grid[0], [] if values is None else values, strict=False):
            axes.set_title(number(value, 1), fontsize=7, color=MUTED, pad=2)
    return figure


def _lines(events: np.ndarray, look: Look, columns: int, names: Sequence[str] = ()) -> Figure:
    with calm():
        num_rows = -(-len(events) // columns)
        figure = blank(max(1.1 * columns, 2.4), 0.9 * num_rows)
        _close(figure)
        cells = _grid(figure, len(events), columns)
        for axes, event in zip(cells, events, strict=True):
            _line(axes, [event], look, INK)
        for at, name in enumerate(names):
            cells[at * columns].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
    return figure


def _grid(figure: Figure, num: int, columns: int) -> list[Any]:
    """So many axes in rows."""
    grid = figure.subplots(-(-num // columns), columns, squeeze=False).ravel()
    for axes in grid[num:]:
        axes.remove()
    return list(grid[:num])


def _close(figure: Figure) -> None:
    """Tiles with a hundredth of an inch around them."""
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)


def _tile(axes: Any, event: np.ndarray, look: Look) -> None:
    if event.ndim == 3 and event.shape[-1] != 3:
        event = event[..., :3] if event.shape[-1] > 3 else event.mean(-1)
    scaled = np.clip((np.nan_to_num(event, nan=look.low) - look.low) / (look.high - look.low), 0, 1)
    axes.imshow(scaled, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    _frameless(axes)


def _line(axes: Any, events: list[np.ndarray], look: Look, colour: str) -> None:
    for event in events:
        axes.plot(np.ravel(event), color=colour, linewidth=1)
    pad = 0.06 * (look.high - look.low)
    axes.set_ylim(look.low - pad, look.high + pad)
    _frameless(axes)
    axes.spines["bottom"].set(visible=True, color=FAINT)


def _frameless(axes: Any) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _by_label(axes: Any, x: np.ndarray, y: np.ndarray, labels: np.ndarray) -> None:
    """A colour for each label, told apart by their marks too where there are many."""
    from matplotlib import colormaps

    palette = [*colormaps["tab10"].colors]  # ty: ignore[missing-attribute]
    for at, label in enumerate(np.unique(labels)):
        here = labels == label
        mark = "osD^vPX"[at // len(palette) % 7]
        axes.scatter(x[here], y[here], 11, [palette[at % len(palette)]], marker=mark, linewidths=0, label=str(label))
