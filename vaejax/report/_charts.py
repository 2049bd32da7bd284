"""The charts of the page as Vega-Lite, compiled to Vega; rows and the chosen members come from the page while it is open.

Colours are CSS variables, so that a chart is right by day, by night and in print.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np

from vaejax.report._roster import Roster, column, hues, labels, legend, levels, ok, values
from vaejax.report._words import is_number, name, number, plain, setting

Spec = dict[str, Any]

_CONFIG: Spec = {
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
_A, _B = "datum.id === a", "datum.id === b"
_NUM_ISO = 8


def charts(found: Roster) -> dict[str, Spec]:
    """Every chart that these members have, by name, as Vega."""
    made = {
        "trade": _trade(found),
        "sizes": _sizes(found),
        "curves": _curves(found),
        "codes": _codes(),
    }
    return {key: compiled(json.dumps(spec)) for key, spec in made.items() if spec is not None}


@functools.lru_cache(64)
def compiled(text: str) -> Spec:
    """Vega from Vega-Lite."""
    import vl_convert

    return vl_convert.vegalite_to_vega(text)


def _spec(description: str, layers: list[Spec], height: int = 360, **more: Any) -> Spec:
    params = [{"name": "a", "value": -1}, {"name": "b", "value": -1}, *more.pop("params", [])]
    return {
        "description": description,
        "config": _CONFIG,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": params,
        "layer": layers,
        **more,
    }


def _hue_scale(found: Roster) -> Spec:
    num = max(hues(found), default=0) + 1
    return {
        "field": "hue",
        "type": "ordinal",
        "legend": None,
        "scale": {"domain": list(range(num)), "range": [f"var(--c{i})" for i in range(num)]},
    }


def rows(found: Roster) -> list[Spec]:
    """One for each member that has numbers: what the charts need of it. `size` is how large its disc is, 0 to 1."""
    sizes, told = column(found, "latent_size"), labels(found)
    order = {size: rank for rank, size in enumerate(levels(found, "latent_size"))}
    colour, good = hues(found), ok(found)
    numbers = {key: values(found, key) for key in ("rate", "distortion", *_held_out(found))}
    return [
        {
            "id": i,
            "hue": colour[i],
            "label": told[i],
            "latents": plain(sizes[i]),
            "size": order.get(sizes[i], 0) / max(len(order) - 1, 1),
            **{key: _rounded(found[i]) for key, found in numbers.items()},
        }
        for i in np.flatnonzero(good).tolist()
    ]


def _rounded(value: float) -> float | None:
    return float(f"{value:.7g}") if np.isfinite(value) else None


def _trade(found: Roster) -> Spec | None:
    """Rate against distortion (Alemi et al. 2018, arXiv:1711.00464), lines of equal ELBO, and the Pareto front."""
    rate, distortion = values(found, "rate"), values(found, "distortion")
    drawn = np.flatnonzero(ok(found) & np.isfinite(rate) & np.isfinite(distortion))
    if not len(drawn):
        return None
    across, up = limits(rate[drawn]), limits(distortion[drawn])
    x = {"field": "rate", "type": "quantitative", "title": "rate (nats)", "scale": _scale(across)}
    y = {"field": "distortion", "type": "quantitative", "title": "distortion (nats)", "scale": _scale(up)}
    disc = {"field": "size", "type": "quantitative", "legend": None, "scale": {"domain": [0, 1], "range": [46, 260]}}
    place = {"x": {**x, "axis": {"grid": False}}, "y": {**y, "axis": {"grid": False}}}
    lines = _iso(across, up)
    layers = [
        {
            "data": {"values": lines},
            "mark": {"type": "rule", "stroke": "var(--faint)"},
            "encoding": {
                "x": {**x, "field": "x0"}, "y": {**y, "field": "y0"}, "x2": {"field": "x1"}, "y2": {"field": "y1"},
            },
        },
        {
            "data": {"values": lines},
            "mark": {"type": "text", "align": "right", "baseline": "bottom", "dx": -2, "dy": -3, "fill": "var(--muted)", "fontSize": 11},
            "encoding": {"x": {**x, "field": "x1"}, "y": {**y, "field": "y1"}, "text": {"field": "text"}},
        },
        {
            "data": {"values": _front(rate, distortion, drawn)},
            "mark": {"type": "line", "clip": True, "stroke": "var(--ink)", "strokeDash": [5, 4], "strokeWidth": 1.4},
            "encoding": {"x": x, "y": y, "order": {"field": "rate"}},
        },
        {
            "mark": {"type": "circle", "clip": True, "opacity": 0.92, "stroke": "var(--ground)", "strokeWidth": 1.2, "cursor": "pointer"},
            "encoding": {**place, "size": disc, "fill": _hue_scale(found)},
        },
        *[_ring(test, dash, place, {"value": 420}) for test, dash in ((_A, [1, 0]), (_B, [4, 3]))],
    ]  # fmt: skip
    return _spec("Rate against distortion of each member on the test split.", layers, data={"name": "members"})


def _ring(test: str, dash: list[int], place: Spec, size: Spec) -> Spec:
    """Round the member that is looked at."""
    mark = {"type": "point", "clip": True, "filled": False, "stroke": "var(--ink)", "strokeWidth": 2, "strokeDash": dash}
    return {"transform": [{"filter": test}], "mark": mark, "encoding": {**place, "size": size}}


def _scale(domain: tuple[float, float]) -> Spec:
    return {"domain": list(domain), "nice": False, "zero": False}


def limits(found: np.ndarray) -> tuple[float, float]:
    """The range of the values with room around it; what lies 6 interquartile ranges out does not set the scale."""
    low, high = np.quantile(found, [0.25, 0.75])
    reach = 6 * (high - low)
    kept = found[(found >= low - reach) & (found <= high + reach)]
    span = max(float(np.ptp(kept)), 0.02 * float(abs(kept).max()), 0.1)
    return float(kept.min()) - 0.07 * span, float(kept.max()) + 0.07 * span


def _iso(across: tuple[float, float], up: tuple[float, float]) -> list[Spec]:
    """Lines of equal ELBO inside the frame: distortion + rate = -ELBO."""
    from matplotlib.ticker import MaxNLocator

    low, high = across[0] + up[0], across[1] + up[1]
    lines = []
    for total in MaxNLocator(_NUM_ISO, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high):
        if low < total < high:
            left, right = max(across[0], total - up[1]), min(across[1], total - up[0])
            text = f"ELBO {number(-total, 0)}" if float(total).is_integer() else f"ELBO {number(-total, 1)}"
            lines.append({"x0": left, "y0": total - left, "x1": right, "y1": total - right, "text": text})
    return lines


def _front(rate: np.ndarray, distortion: np.ndarray, drawn: np.ndarray) -> list[Spec]:
    """The members of which no other has less rate and less distortion, by rising rate."""
    best, kept = np.inf, []
    for i in sorted(drawn.tolist(), key=lambda i: (rate[i], distortion[i])):
        if distortion[i] < best:
            best = distortion[i]
            kept.append({"rate": float(rate[i]), "distortion": float(distortion[i])})
    return kept


def _held_out(found: Roster) -> tuple[str, ...]:
    """The measure that tells how good a member is: the likelihood, or where that is not known the bound."""
    for key, error in (("log_likelihood", "log_likelihood_se"), ("elbo", "")):
        if np.isfinite(values(found, key)[ok(found)]).any():
            return (key, error) if error else (key,)
    return ()


def _sizes(found: Roster) -> Spec | None:
    """Held-out likelihood against latent size: points are members, lines means over all but size and colour."""
    held, sizes = _held_out(found), levels(found, "latent_size")
    if not held or len(sizes) < 2:
        return None
    title = {"log_likelihood": "log likelihood (nats)", "elbo": "ELBO (nats)"}[held[0]]
    x = {"field": "latents", "title": "latent size", **_size_axis(sizes)}
    y = {
        "field": held[0], "type": "quantitative", "title": title,
        "scale": {"zero": False, "nice": False, "domainMin": {"expr": "low"}, "domainMax": {"expr": "high"}},
    }  # fmt: skip
    hue = _hue_scale(found)
    good = values(found, held[0])
    low, high = limits(good[ok(found) & np.isfinite(good)])
    layers = [
        {
            "data": {"values": _band(found)},
            "mark": {"type": "rect", "fill": "var(--band)", "clip": True},
            "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": {"values": _means(found, held)},
            "mark": {"type": "line", "clip": True, "strokeWidth": 1.8},
            "encoding": {"x": x, "y": y, "stroke": hue, "detail": {"field": "hue"}},
        },
        {
            "data": {"values": _means(found, held)},
            "mark": {"type": "rule", "clip": True},
            "encoding": {"x": x, "y": {**y, "field": "down"}, "y2": {"field": "up"}, "stroke": hue},
        },
        {
            "mark": {"type": "circle", "clip": True, "size": 52, "opacity": 0.9, "stroke": "var(--ground)", "strokeWidth": 1, "cursor": "pointer"},
            "encoding": {"x": x, "y": y, "fill": hue},
        },
        *[_ring(test, dash, {"x": x, "y": y}, {"value": 210}) for test, dash in ((_A, [1, 0]), (_B, [4, 3]))],
    ]  # fmt: skip
    limits_of_y = [{"name": "low", "value": low}, {"name": "high", "value": high}]
    return _spec(
        "Held-out likelihood of each member against its latent size.",
        layers,
        data={"name": "members"},
        params=limits_of_y,
    )


def _size_axis(sizes: list[Any]) -> Spec:
    if not all(is_number(size) and size > 0 for size in sizes):
        return {"type": "ordinal", "sort": [setting(size) for size in sizes]}
    kind = {"type": "log", "base": 2} if sizes[-1] / sizes[0] >= 4 else {"type": "linear", "zero": False}
    axis = {"values": [plain(size) for size in sizes], "format": "~g", "grid": False, "labelOverlap": True}
    return {"type": "quantitative", "scale": {**kind, "nice": False, "padding": 18}, "axis": axis}


def _band(found: Roster) -> list[Spec]:
    """One margin deep, from the best mean of a setting: of a single run with an answer."""
    answer = found.shown[0].answer
    if len(found.shown) > 1 or answer is None or not np.isfinite(answer.margin_nats):
        return []
    means = [one["mean"] for one in _means(found, _held_out(found), by_all=True)]
    return [{"low": max(means) - float(answer.margin_nats), "high": max(means)}] if means else []


def _means(found: Roster, held: tuple[str, ...], by_all: bool = False) -> list[Spec]:
    """Means over seeds, with one standard error from test examples and seeds: sqrt(mean(se^2) + s^2 / n).

    by_all: of each setting; else of each colour and latent size.
    """
    value, errors = values(found, held[0]), np.nan_to_num(values(found, held[1]) if len(held) > 1 else np.zeros(found.num))
    axes = [axis for axis in found.axes if axis != "seed"] if by_all else []
    columns = [hues(found), column(found, "latent_size"), *(column(found, axis) for axis in axes)]
    cells: dict[tuple[Any, ...], list[int]] = {}
    for i in np.flatnonzero(ok(found) & np.isfinite(value)).tolist():
        cells.setdefault(tuple(one[i] for one in columns), []).append(i)
    made = []
    for (hue, size, *_), at in cells.items():
        mean, chance = float(value[at].mean()), float(value[at].var(ddof=1) / len(at)) if len(at) > 1 else 0.0
        error = float(np.sqrt((errors[at] ** 2).mean() + chance))
        made.append({"hue": hue, "latents": plain(size), held[0]: mean, "mean": mean, "down": mean - error, "up": mean + error})
    return made


def _curves(found: Roster) -> Spec | None:
    """The bound on the validation split as each member was trained."""
    drawn = [flat.curves for flat in found.runs if flat.curves.shape[1] > 1 and np.isfinite(flat.curves).any()]
    if not drawn:
        return None
    low, high = zip(*(_heights(curves) for curves in drawn), strict=True)
    domain = _scale((min(low), max(high)))
    place = {
        "x": {"field": "epoch", "type": "quantitative", "title": "epoch", "axis": {"grid": False, "tickMinStep": 1}, "scale": {"nice": False, "zero": False}},
        "y": {"field": "bound", "type": "quantitative", "title": "ELBO, validation (nats)", "scale": domain},
    }  # fmt: skip
    line = {"type": "line", "clip": True, "strokeWidth": 1.3, "opacity": 0.55, "cursor": "pointer"}
    layers = [
        {"mark": line, "encoding": {**place, "detail": {"field": "id"}, "stroke": _hue_scale(found)}},
        *[
            {
                "transform": [{"filter": test}],
                "mark": {**line, "opacity": 1, "strokeWidth": 3, "stroke": "var(--ink)", "strokeDash": dash},
                "encoding": {**place, "detail": {"field": "id"}},
            }
            for test, dash in ((_A, [1, 0]), (_B, [6, 4]))
        ],
    ]
    return _spec("The bound on the validation split over training.", layers, height=320, data={"name": "curves"})


def _heights(curves: np.ndarray) -> tuple[float, float]:
    """From where the worst curve stands after a tenth of the epochs: the first steep rise hides all else."""
    later = curves[:, max(1, curves.shape[1] // 10) :]
    later = later if np.isfinite(later).any() else curves
    low, high = float(np.nanquantile(later, 0.01)), float(np.nanmax(curves))
    pad = max(0.06 * (high - low), 0.05)
    return low - pad, high + pad


def _codes() -> Spec:
    """Where codes lie, coloured by label; rows and the number of labels come with the member."""
    place = {
        "x": {"field": "x", "type": "quantitative", "title": None, "scale": {"zero": False}},
        "y": {"field": "y", "type": "quantitative", "title": None, "scale": {"zero": False}},
    }
    hue = {
        "field": "label", "type": "nominal", "title": "label",
        "scale": {"scheme": "tableau20"},
        "legend": {"labelColor": "var(--muted)", "titleColor": "var(--ink)", "orient": "right", "symbolOpacity": 1},
    }  # fmt: skip
    layer = {"mark": {"type": "circle", "size": 24, "opacity": 0.85}, "encoding": {**place, "fill": hue}}
    return _spec("Codes of test examples.", [layer], height=260, data={"name": "codes"})


def describe(found: Roster) -> str:
    """What colours and sizes stand for, for those who do not see them."""
    title, texts = legend(found)
    return f"colour is {title}: {', '.join(texts)}" if title else name("one colour")
