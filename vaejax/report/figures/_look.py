"""How figures look: calm, small, and the same whatever a user has in a matplotlibrc."""

from __future__ import annotations

import io
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from vaejax.report._words import name

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DAY, NIGHT = (0.0, 0.58), (0.38, 0.98)  # of viridis: at least 3:1 against the ground
DAYLIGHT = {"ground": "#fcfcfa", "ink": "#1b1f24", "muted": "#5a626c", "faint": "#e0e1dc"}  # those of the page by day
INK, MUTED, FAINT = DAYLIGHT["ink"], DAYLIGHT["muted"], DAYLIGHT["faint"]
UNITS = {"active_units": "latents", "num_params": "numbers", "best_epoch": "epoch", "ended_epoch": "epoch"}


def settings(ink: str, muted: str, faint: str, size: float = 12.0) -> dict[str, Any]:
    """The calm defaults; what a user has in a matplotlibrc does not reach a figure."""
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": "vaejax",
        "text.parse_math": False,
        "axes.unicode_minus": True,
        "font.size": size,
        "axes.labelsize": size,
        "axes.titlesize": size,
        "xtick.labelsize": size - 1,
        "ytick.labelsize": size - 1,
        "legend.fontsize": size - 1,
        "legend.title_fontsize": size - 1,
        "text.color": ink,
        "axes.labelcolor": muted,
        "axes.edgecolor": faint,
        "xtick.color": faint,
        "ytick.color": faint,
        "xtick.labelcolor": muted,
        "ytick.labelcolor": muted,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }


@contextmanager
def calm(size: float = 9.0) -> Generator[None]:
    """Within it, what is drawn has these settings and no others; they are as they were afterwards."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        current: Any = matplotlib.rcParams
        current.update({**settings(INK, MUTED, FAINT, size), "figure.dpi": 100, "savefig.dpi": 200})
        yield


def blank(width: float, height: float) -> Figure:
    """An empty figure of so many inches, in which what is drawn keeps clear of its neighbours."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def png(figure: Figure, dpi: float = 144) -> bytes:
    """A figure as PNG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with calm():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


@cache
def shades(num: int, low: float = DAY[0], high: float = DAY[1]) -> list[str]:
    """`num` colours of viridis between two places on it.

    >>> shades(1), len(shades(3))
    (['#365d8d'], 3)
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if num == 1:
        return [to_hex(colormaps["viridis"]((low + high) / 2))]
    return [to_hex(colormaps["viridis"](low + (high - low) * i / (num - 1))) for i in range(num)]


def bare(axes: Axes, grid: str = "y") -> None:
    """Axes with light lines in place of a frame."""
    axes.grid(axis=grid, color=FAINT, linewidth=0.6)  # ty: ignore[invalid-argument-type]
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(grid == "x")
    axes.tick_params(length=0)


def ticks(values: Sequence[Any], least: float) -> list[int]:
    """Places of values that stand at least so far apart, the first and then each that is far enough from the last."""
    kept: list[int] = []
    for at, value in enumerate(values):
        if not kept or value - values[kept[-1]] >= least:
            kept.append(at)
    return kept


def titled(dataset: xr.Dataset, measure: str) -> str:
    """A measure with its unit, as the label of an axis.

    >>> import xarray as xr
    >>> titled(xr.Dataset({"rate": ("beta", [1.0], {"description": "KL, test, nats per example"})}), "rate")
    'rate (nats per example)'
    """
    described = str(dataset[measure].attrs.get("description", "")) if measure in dataset else ""
    known = "nats per example" if "nats per example" in described else "nats" if "nats" in described else ""
    unit = UNITS.get(measure, known)
    said = {"elbo": "ELBO", "log_likelihood": "log likelihood"}.get(measure, name(measure))
    return f"{said} ({unit})" if unit else said
