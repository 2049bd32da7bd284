"""The colours of members, by day and by night."""

from __future__ import annotations

DAY, NIGHT = (0.0, 0.58), (0.38, 0.98)  # of viridis: at least 3:1 against the ground

DAYLIGHT = {"ground": "#fcfcfa", "ink": "#1b1f24", "muted": "#5a626c", "faint": "#e0e1dc"}  # those of the page by day


def shades(num: int, low: float, high: float) -> list[str]:
    """`num` colours of viridis between two places on it."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if num == 1:
        return [to_hex(colormaps["viridis"]((low + high) / 2))]
    return [to_hex(colormaps["viridis"](low + (high - low) * i / (num - 1))) for i in range(num)]


def variables(num: int, night: bool = False) -> str:
    """CSS of the sequential colours `--c0`, ...: viridis, its dark part by day and its light part by night."""
    return "".join(f"--c{i}:{shade};" for i, shade in enumerate(shades(num, *(NIGHT if night else DAY))))
