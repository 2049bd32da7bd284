"""The end of the page: what each number means, and how the numbers were made."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaejax.report._members import Members, levels
from vaejax.report._words import count, is_number, name, number, safe, setting

_MINUS = "\N{MINUS SIGN}"

_GLOSSARY = (
    (
        "Distortion",
        f"{_MINUS}E<sub>q(z|x)</sub> log p(x|z)",
        "What is lost when the example is rebuilt from its code. Smaller is better.",
    ),
    (
        "Rate",
        "KL(q(z|x) ‖ p(z))",
        "What the code says about the example. At rate 0 the latents say nothing.",
    ),
    (
        "ELBO",
        f"{_MINUS}(distortion + rate)",
        "A lower bound of the log likelihood, at beta 1 whatever beta training used. Larger is better.",
    ),
    (
        "Log likelihood",
        "log 1/K Σ<sub>k</sub> p(x, z<sub>k</sub>) / q(z<sub>k</sub>|x)",
        "A tighter bound, from K importance samples: closer to log p(x) than the ELBO, and what members are compared "
        "by. Larger is better.",
    ),
    (
        "Active units",
        "Var<sub>x</sub> E<sub>q(z|x)</sub>[z] above a threshold",
        "How many latents carry information; the others stay at the prior.",
    ),
    (
        "Drift",
        f"ELBO at the end {_MINUS} ELBO at 80%",
        "How much the held-out bound (validation) still changed over the last 20% of the epochs. Near 0, the run had "
        "settled, as any does whose learning rate falls to zero: a longer one may still gain.",
    ),
    (
        "± s.e.",
        "s / √n",
        "One standard error over the test examples. Members share these examples, so a difference between two "
        "members is known better than either number.",
    ),
)

_MADE = (
    ("name", "Data"),
    ("preparation", "Preparation"),
    ("num_train", "Training examples"),
    ("num_validation", "Validation examples"),
    ("num_test", "Test examples"),
    ("epochs", "Epochs"),
    ("batch_size", "Batch size"),
    ("num_samples", "Importance samples K"),
    ("formula", "Training maximised"),
    ("plan", "Members went through training"),
    ("likelihood", "Likelihood p(x|z)"),
)


def glossary() -> str:
    """HTML: every measure, its formula and what it tells."""
    items = "".join(
        f"<div><dt>{term}<code>{formula}</code></dt><dd>{text}</dd></div>" for term, formula, text in _GLOSSARY
    )
    return (
        "<p>All are in nats per example. Training saw the training split only. Some fifty times while it was trained "
        "every member was "
        "measured on the validation split, and its best state there was kept; that state was then measured on the "
        "test split.</p>"
        f'<dl class="glossary">{items}</dl>'
    )


def made(flat: Members, attrs: dict[Any, Any]) -> str:
    """HTML: the grid, the data and the training, as far as the data set says."""
    known = [("Grid", grid(flat))] + [(title, _value(attrs[key])) for key, title in _MADE if key in attrs]
    told = {key for key, _ in _MADE}
    known += [(name(key), _value(value)) for key, value in attrs.items() if key not in told and _is_short(value)]
    items = "".join(f"<div><dt>{safe(title)}</dt><dd>{safe(value)}</dd></div>" for title, value in known)
    return f'<dl class="made">{items}</dl>'


def grid(flat: Members) -> str:
    """How many values each axis has, and how many members there are."""
    parts = [f"{len(levels(flat, axis))} × {name(axis)}" for axis in flat.axes]  # noqa: RUF001
    total = count(len(flat.settings), "member")
    return f"{', '.join(parts)}: {total}" if parts else total


def _value(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if is_number(value) and float(value).is_integer():
        return number(value, 0)
    return setting(value)


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float | np.generic) and len(str(value)) < 200
