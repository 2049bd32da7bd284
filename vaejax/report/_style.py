"""The colours of members, by day and by night."""

from __future__ import annotations

from vaejax.report.figures._look import DAY, DAYLIGHT, NIGHT, shades


def by_day(num: int) -> str:
    """CSS variables: the colours of figures, and `--c0`, ..., the dark part of viridis."""
    return "".join(f"--{name}:{colour};" for name, colour in DAYLIGHT.items()) + _hues(num, *DAY)


def by_night(num: int) -> str:
    """CSS of the sequential colours, the light part of viridis; the ground is in the template."""
    return _hues(num, *NIGHT)


def _hues(num: int, low: float, high: float) -> str:
    return "".join(f"--c{i}:{shade};" for i, shade in enumerate(shades(num, low, high)))
