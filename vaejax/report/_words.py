"""From values to words: numbers rounded as a reader wants them, names without underscores, and all of it escaped."""

from __future__ import annotations

import html
import math
import numbers
from collections.abc import Sequence
from typing import Any

DASH = "–"  # noqa: RUF001
MINUS = "−"  # noqa: RUF001


def safe(text: object) -> str:
    """`text` as HTML that shows it and does nothing else."""
    return html.escape(str(text), quote=True)


def plain(value: Any) -> Any:
    """A Python value from a scalar of any library; a float32 0.1 is 0.1 and not 0.10000000149."""
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    single = str(getattr(value, "dtype", "")) in ("float32", "float16", "bfloat16")
    return float(f"{float(value):.6g}") if single else value.item()


def is_number(value: Any) -> bool:
    """Whether `value` is a real number and not a truth value."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def number(value: Any, decimals: int = 2, sign: bool = False) -> str:
    """`value` with so many decimals, thousands separated; a dash where there is no number."""
    value = plain(value)
    if not is_number(value) or not math.isfinite(value):
        return DASH
    text = f"{float(value):{'+' if sign else ''},.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def nats(value: Any, error: Any = None) -> str:
    """`value ± error nats`; the decimals are those that the error leaves meaningful."""
    error = plain(error)
    known = is_number(error) and math.isfinite(error)
    decimals = min(4, max(2, -math.floor(math.log10(error)))) if known and error > 0 else 2
    if number(value) == DASH:
        return DASH
    tail = f" ± {number(error, decimals)}" if known else ""
    return f"{number(value, decimals)}{tail} nats"


def setting(value: Any) -> str:
    """A value of an axis: `0.5`, `1e-05`, `16`, `bernoulli`."""
    value = plain(value)
    if is_number(value):
        return f"{float(value):.6g}".replace("-", MINUS) if not float(value).is_integer() else _whole(value)
    return str(value)


def _whole(value: Any) -> str:
    return f"{int(value)}".replace("-", MINUS) if abs(value) < 1e9 else f"{float(value):.6g}"


def name(axis: str) -> str:
    """`latent_size` is read as `latent size`."""
    return str(axis).replace("_", " ").strip()


def listed(items: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return f" {last} ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


def count(num: int, noun: str) -> str:
    """`1 member`, `40 members`."""
    return f"{num:,} {noun}" + ("" if num == 1 else "s")
