"""The colours of members, by day and by night."""

from __future__ import annotations

from vaejax.report.figures._look import DAY, NIGHT, shades


def variables(num: int, night: bool = False) -> str:
    """CSS of the sequential colours `--c0`, ...: viridis, its dark part by day and its light part by night."""
    return "".join(f"--c{i}:{shade};" for i, shade in enumerate(shades(num, *(NIGHT if night else DAY))))
