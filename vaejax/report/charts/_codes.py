"""Where codes lie."""

from __future__ import annotations

from vaejax.report.charts._spec import Spec, amount, spec_of


def codes(*, labelled: bool) -> Spec:
    """Where codes lie, coloured by label where there are labels; rows come with the member."""
    place = {axis: amount(axis, scale={"zero": False}) for axis in ("x", "y")}
    hue = {
        "field": "label", "type": "nominal", "title": "label",
        "scale": {"scheme": "tableau20"},
        "legend": {"labelColor": "var(--muted)", "titleColor": "var(--ink)", "orient": "right", "symbolOpacity": 1},
    }  # fmt: skip
    plain = {"value": "var(--accent)"}
    layer = {
        "mark": {"type": "circle", "size": 24, "opacity": 0.85},
        "encoding": {**place, "fill": hue if labelled else plain},
    }
    return spec_of("Codes of test examples.", [layer], height=260, data={"name": "codes"})
