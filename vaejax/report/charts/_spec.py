"""What all charts of the page have in common: how they look, their colours, and the rings round chosen members.

A chart is Vega-Lite, compiled to Vega. Its rows come from the page while it is open, in `members`, `curves` or `codes`;
signals `a` and `b` are the members that are looked at. Colours are CSS variables, so that a chart is right by day, by
night and in print.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from vaejax.report._roster import Roster, hues, ok, values

Spec = dict[str, Any]

CONFIG: Spec = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)", "titleColor": "var(--ink)", "gridColor": "var(--faint)", "domain": False,
        "tickColor": "var(--faint)", "labelFontSize": 12, "titleFontSize": 13, "titleFontWeight": "normal",
        "titlePadding": 8, "labelPadding": 6, "ticks": False,
    },
    "aria": False,
}  # fmt: skip
A, B = ("datum.id === a", [1, 0]), ("datum.id === b", [4, 3])  # who is looked at, and the dashes of the ring


@functools.lru_cache(64)
def compiled(text: str) -> Spec:
    """Vega from Vega-Lite."""
    import vl_convert

    return vl_convert.vegalite_to_vega(text)


def spec_of(description: str, layers: list[Spec], height: int = 360, **more: Any) -> Spec:
    """A chart as wide as its place."""
    params = [{"name": "a", "value": -1}, {"name": "b", "value": -1}, *more.pop("params", [])]
    return {
        "description": description,
        "config": CONFIG,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": params,
        "layer": layers,
        **more,
    }


def amount(field: str, title: str | None = None, **more: Any) -> Spec:
    """A number along an axis."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def discs(**more: Any) -> Spec:
    """Marks that stand for members, and can be chosen."""
    return {"type": "circle", "clip": True, "stroke": "var(--ground)", "cursor": "pointer", **more}


def hue_scale(found: Roster) -> Spec:
    """The colour of a member."""
    num = max(hues(found), default=0) + 1
    return {
        "field": "hue",
        "type": "ordinal",
        "legend": None,
        "scale": {"domain": list(range(num)), "range": [f"var(--c{i})" for i in range(num)]},
    }


def ring(test: str, dash: list[int], place: Spec, size: Spec) -> Spec:
    """Round the member that is looked at."""
    mark = {
        "type": "point",
        "clip": True,
        "filled": False,
        "stroke": "var(--ink)",
        "strokeWidth": 2,
        "strokeDash": dash,
    }
    return {"transform": [{"filter": test}], "mark": mark, "encoding": {**place, "size": size}}


def scale_of(domain: tuple[float, float]) -> Spec:
    """Just these numbers, from end to end."""
    return {"domain": list(domain), "nice": False, "zero": False}


def held_out(found: Roster) -> tuple[str, ...]:
    """What tells how good a member is: the likelihood, or the bound, or that of validation so far; what is known."""
    for key, error in (("log_likelihood", "log_likelihood_se"), ("elbo", ""), ("latest", "")):
        if np.isfinite(values(found, key)[ok(found)]).any():
            return (key, error) if error else (key,)
    return ()
