"""The end of the page: what each number means, and how the numbers were made."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaejax.report._members import Members, levels
from vaejax.report._shown import Shown
from vaejax.report._words import count, is_number, name, number, setting

_MINUS = "\N{MINUS SIGN}"

GLOSSARY = (
    (
        "Distortion",
        f"{_MINUS}E log p(x|z), z from q(z|x)",
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
        "log 1/K Σ p(x, z) / q(z|x), K draws z from q(z|x)",
        "A tighter bound, from K importance samples: closer to log p(x) than the ELBO, and what members are compared "
        "by. Larger is better.",
    ),
    (
        "Active units",
        "Var(E[z]) > 0.01, over test examples, z from q(z|x)",
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

SECONDS = {  # of a run's timing, in order
    "seconds until the first segment, compiling included": "compiling and the first segment",
    "seconds of training and measuring after it": "training and measuring",
}

_MADE = (
    ("name", "Data"),
    ("preparation", "x, of a value v of the data"),
    ("num_train", "Training examples"),
    ("num_validation", "Validation examples"),
    ("num_test", "Test examples"),
    ("epochs", "Epochs"),
    ("batch_size", "Batch size"),
    ("num_samples", "Importance samples K"),
    ("formula", "Training maximised"),
    ("plan", "Members went through training"),
    ("num_programs", "Compiled programs"),
    ("until", "Members end early by"),
    ("devices", "Devices"),
    ("likelihood", "Likelihood p(x|z)"),
)


_TOLD = {key for key, _ in _MADE} | {"warnings", "not_measured", "evaluated", "unfinished", "drop_last"} | set(SECONDS)


def made(shown: Shown, flat: Members) -> list[tuple[str, str]]:
    """The grid, the data and the training, as far as the data set and the folder say."""
    facts = {**shown.dataset.attrs, **shown.facts}
    known = [("Grid", grid(flat))] + [(title, _value(facts[key])) for key, title in _MADE if key in facts]
    further = {name(key): value for key, value in facts.items() if key not in _TOLD and _is_short(value)}
    return known + [(title[:1].upper() + title[1:], _value(value)) for title, value in further.items()]


def grid(flat: Members) -> str:
    """How many values each axis has, and how many members there are."""
    parts = [f"{len(levels(flat, axis))} × {name(axis)}" for axis in flat.axes if len(levels(flat, axis)) > 1]  # noqa: RUF001
    total = count(len(flat.settings), "member")
    return f"{', '.join(parts)}: {total}" if parts else total


def _value(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if is_number(value) and float(value).is_integer():
        return number(value, 0)
    return setting(value)


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float | np.generic) and len(str(value)) < 200
