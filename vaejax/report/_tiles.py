"""What a member draws: images as PNG inside the page, vectors as lines, each no larger than the page can carry."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from vaejax.report._words import count, safe

MOST_SAMPLES, MOST_LINES, MOST_PAIRS, MOST_ROWS, MOST_STEPS = 64, 24, 16, 10, 12
_BUDGET = 260_000  # pixels of one section
_LARGEST = 96  # pixels of the longer side of a tile


class _Look(NamedTuple):
    """How events of this shape are shown: the values that are black and white, and pixels per tile."""

    low: float
    high: float
    side: int


def samples(array: Any) -> str:
    """HTML: tiles drawn from the model."""
    events = np.asarray(array, float)[:MOST_SAMPLES]
    events = events if _is_image(events) else events[:MOST_LINES]
    look = _look(events, len(events))
    tiles = "".join(_tile(event, look) for event in events)
    return _group(tiles, f"{count(len(events), 'sample')} drawn from the prior", _kind(events, look))


def pairs(examples: Any, reconstructions: Any) -> str:
    """HTML: each example above its reconstruction; vectors are drawn one over the other."""
    left = np.asarray(examples, float)[:MOST_PAIRS]
    right = np.asarray(reconstructions, float)[: len(left)]
    look = _look(left, 2 * len(left))
    both = zip(left, right, strict=True)
    if _is_image(left):
        told = "Examples of the test split, and beneath each what the chosen member makes of it."
        tiles = "".join(f'<span class="pair">{_tile(one, look)}{_tile(two, look)}</span>' for one, two in both)
    else:
        told = "Examples of the test split (dashed), and what the chosen member makes of each."
        tiles = "".join(_lines([one, two], look, ("before", "after")) for one, two in both)
    alt = f"{count(len(left), 'example')} of the test split and their reconstructions"
    return f"<p>{told}</p>{_group(tiles, alt, _kind(left, look))}"


def traversal(array: Any, labels: Iterable[str], scale: Any = None) -> str:
    """HTML: one row for each latent, moved from low to high. `scale` are examples that set black and white."""
    rows = np.asarray(array, float)[:MOST_ROWS]
    steps = np.unique(np.linspace(0, rows.shape[1] - 1, MOST_STEPS).round().astype(int))
    rows = rows[:, steps]
    look = _look(
        rows.reshape(-1, *rows.shape[2:]) if scale is None else np.asarray(scale, float), rows.shape[0] * len(steps)
    )
    texts = [*labels, *[""] * len(rows)]
    lines = (_traversal_row(row, text, look) for row, text in zip(rows, texts, strict=False))
    return f'<div class="traversal {_kind(rows[0], look)}">{"".join(lines)}</div>'


def _traversal_row(row: np.ndarray, text: str, look: _Look) -> str:
    tiles = "".join(_tile(event, look) for event in row)
    strip = (
        f'<div class="strip" role="img" aria-label="{safe(text or "one latent")}, moved from low to high">{tiles}</div>'
    )
    return f'<p class="caption">{safe(text)}</p>{strip}'


def _group(tiles: str, alt: str, kind: str) -> str:
    return f'<div class="tiles {kind}" role="img" aria-label="{safe(alt)}">{tiles}</div>'


def _kind(events: np.ndarray, look: _Look) -> str:
    if not _is_image(events):
        return "lines"
    return "small" if look.side < 40 else "large"


def _is_image(events: np.ndarray) -> bool:
    """Whether events are `[h, w]` or `[h, w, channels]` with a side worth looking at."""
    shape = events.shape[1:]
    return len(shape) in (2, 3) and min(shape[:2]) > 1


def _look(events: np.ndarray, num_tiles: int) -> _Look:
    """Black is 0 and white is 1; data that leave that range are scaled by their 1% and 99% quantiles."""
    known = events[np.isfinite(events)]
    low, high = 0.0, 1.0
    if known.size and (known.min() < -0.05 or known.max() > 1.05 or np.ptp(known) < 0.02):
        low, high = (float(value) for value in np.quantile(known, [0.01, 0.99]))
    side = min(_LARGEST, int((_BUDGET / max(num_tiles, 1)) ** 0.5))
    longest = max(events.shape[1:3], default=1)
    return _Look(low, max(high, low + 1e-6), min(side, longest))


def _tile(event: np.ndarray, look: _Look) -> str:
    return _image(event, look) if _is_image(event[None]) else _lines([event], look, ("after",))


def _image(event: np.ndarray, look: _Look) -> str:
    from PIL import Image

    if event.ndim == 3 and event.shape[-1] != 3:
        event = event[..., :3] if event.shape[-1] > 3 else event.mean(-1)
    scaled = np.clip((np.nan_to_num(event, nan=look.low) - look.low) / (look.high - look.low), 0, 1)
    picture = Image.fromarray(np.round(scaled * 255).astype(np.uint8))
    longest = max(picture.size)
    if longest > look.side:
        size = [max(1, round(length * look.side / longest)) for length in picture.size]
        picture = picture.resize((size[0], size[1]), Image.Resampling.BOX)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    code = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="" width="{picture.width}" height="{picture.height}" src="data:image/png;base64,{code}">'


def _lines(events: list[np.ndarray], look: _Look, kinds: tuple[str, ...]) -> str:
    """Entries from left to right, values upwards; few entries are dots on the line."""
    drawn = "".join(_line(event.reshape(-1), look, kind) for event, kind in zip(events, kinds, strict=True))
    return f'<svg class="line" viewBox="-3 -3 106 56" preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'


def _line(event: np.ndarray, look: _Look, kind: str) -> str:
    keep = np.unique(np.linspace(0, len(event) - 1, 160).round().astype(int)) if len(event) else []
    values = np.clip((np.nan_to_num(event[keep], nan=look.low) - look.low) / (look.high - look.low), -0.05, 1.05)
    across = np.linspace(0, 100, len(values)) if len(values) > 1 else [50.0]
    points = [f"{x:.1f},{50 * (1 - y):.1f}" for x, y in zip(across, values, strict=True)]
    path = f'<polyline class="{kind}" points="{" ".join(points)}"/>'
    if len(points) > 16:
        return path
    dots = "".join(f"M{point}h0" for point in points)
    return f'{path}<path class="{kind} dots" d="{dots}"/>'
