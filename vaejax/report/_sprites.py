"""Events as what a page can show: one picture with a tile for each image, or numbers for a line each."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

    from vaejax.types import Shape

QUALITY = 80  # of WebP: of Fashion-MNIST the root mean square error is 0.012 of white, the largest 0.08; of noise 0.016
LOSSLESS = 256  # pixels of a tile up to which it is PNG: exact to 1/510, and of digits of 8 x 8 a third smaller
COLUMNS = 9  # of a sprite, at most, unless asked for otherwise
SLENDER = 8  # times as long as wide: no picture, but a sequence
POINTS = 160  # of a line, at most
BARS = 32  # entries, at most, that are bars: what has so few is a row of a table, or counts
TRACKS = 8  # of a sequence of vectors, at most


class Look(NamedTuple):
    """How events of one shape are shown: which values are black and white, and pixels of the longer side of a tile.

    low, high: one for all, or one for each entry of a row of a table, whose columns have units of their own.
    """

    low: Any
    high: Any
    side: int


def is_image(shape: Shape) -> bool:
    """Whether events `[height, width]` or `[height, width, channels]` are worth looking at as pictures.

    >>> is_image((28, 28)), is_image((64, 64, 3)), is_image((13,)), is_image((200, 6))
    (True, True, False, False)
    """
    return len(shape) in (2, 3) and min(shape[:2]) > 1 and max(shape[:2]) <= SLENDER * min(shape[:2])


def look_of(events: np.ndarray, side: int) -> Look:
    """Black is 0 and white is 1; data that leave that range are scaled by their 1% and 99% quantiles.

    >>> look_of(np.array([[0.0, 0.5, 1.0]]), 64)
    Look(low=0.0, high=1.0, side=64)
    """
    known = events[np.isfinite(events)]
    low, high = 0.0, 1.0
    if known.size and (known.min() < -0.05 or known.max() > 1.05 or np.ptp(known) < 0.02):
        low, high = (float(value) for value in np.quantile(known, [0.01, 0.99]))
    return Look(low, max(high, low + 1e-6), side)


def look_of_rows(rows: np.ndarray, side: int) -> Look:
    """That of rows of a table `[num, entry]`: each column has a scale of its own, from its 1% to its 99% quantile.

    >>> look_of_rows(np.array([[0.0, 100.0], [1.0, 300.0]]), 64).high.round(2).tolist()
    [0.99, 298.0]
    """
    low, high = np.quantile(rows, [0.01, 0.99], axis=0)
    return Look(low, np.where(high > low, high, low + 1), side)


def strip(events: Any, look: Look, columns: int = COLUMNS) -> dict[str, Any]:
    """Events `[num, *shape]` as JSON: one picture with a tile for each, or numbers for bars or lines, `[num][track][]`.

    Tiles are in rows of at most 9. A tile of up to 256 pixels is PNG, a larger one WebP. What is longer than
    `look.side` is scaled down. Vectors of up to 32 entries are bars, longer ones lines, and sequences of vectors a line
    for each of their first 8 entries; values are kept to 4 digits, at 160 evenly spaced places at most.

    >>> found = strip(np.zeros((12, 8, 8)), Look(0.0, 1.0, 64))
    >>> [found[name] for name in ("kind", "num", "columns", "height", "width")], found["src"][:22]
    (['image', 12, 9, 8, 8], 'data:image/png;base64,')
    >>> strip(np.array([[0.123456, 2.0]]), Look(0.0, 2.0, 64))
    {'kind': 'bars', 'values': [[[0.1235, 2.0]]], 'low': 0.0, 'high': 2.0}
    """
    events = np.asarray(events, float)
    return _sprite(events, look, columns) if is_image(events.shape[1:]) else _lines(events, look)


def rounded(values: Any, digits: int = 4) -> Any:
    """Numbers of any shape as lists with so many digits; `None` where one is not finite.

    >>> rounded([0.123456, float("nan")])
    [0.1235, None]
    """

    def short(value: Any) -> Any:
        if isinstance(value, list):
            return [short(one) for one in value]
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None

    return short(np.asarray(values, float).tolist())


def _lines(events: np.ndarray, look: Look) -> dict[str, Any]:
    tracks = _tracks(events)
    kind = "bars" if tracks.shape[1] == 1 and tracks.shape[2] <= BARS else "line"
    keep = np.unique(np.linspace(0, tracks.shape[2] - 1, POINTS).round().astype(int))
    values = rounded(tracks[:, :TRACKS, keep])
    return {"kind": kind, "values": values, "low": rounded(look.low), "high": rounded(look.high)}


def _tracks(events: np.ndarray) -> np.ndarray:
    """`[num, track, place]`: of a sequence of vectors a track for each entry, along its longer side; else one track."""
    if events.ndim != 3:
        return events.reshape(len(events), 1, -1)
    return events.swapaxes(1, 2) if events.shape[1] >= events.shape[2] else events


def _sprite(events: np.ndarray, look: Look, columns: int) -> dict[str, Any]:
    tiles = _scaled_down(_bytes(events, look), look.side)
    num, height, width = tiles.shape[:3]
    columns = min(columns, num)
    rows = -(-num // columns)
    whole = np.zeros((rows * columns, *tiles.shape[1:]), np.uint8)
    whole[:num] = tiles
    whole = whole.reshape(rows, columns, height, width, *tiles.shape[3:]).swapaxes(1, 2)
    sheet = whole.reshape(rows * height, columns * width, *tiles.shape[3:])
    source = _encoded(sheet, lossless=height * width <= LOSSLESS)
    return {"kind": "image", "src": source, "num": num, "columns": columns, "height": height, "width": width}


def _bytes(events: np.ndarray, look: Look) -> np.ndarray:
    """Grey `[num, height, width]` or with three colours; two channels are averaged, the first three of more shown."""
    if events.ndim == 4 and events.shape[-1] != 3:
        events = events[..., :3] if events.shape[-1] > 3 else events.mean(-1)
    scaled = (np.nan_to_num(events, nan=look.low) - look.low) / (look.high - look.low)
    return np.round(np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def _scaled_down(tiles: np.ndarray, side: int) -> np.ndarray:
    """The longer side is so long at most; each pixel the mean of those it stands for."""
    from PIL.Image import Resampling

    height, width = tiles.shape[1:3]
    if max(height, width) <= side:
        return tiles
    size = [max(1, round(length * side / max(height, width))) for length in (width, height)]
    return np.stack([np.asarray(_picture(tile).resize((size[0], size[1]), Resampling.BOX)) for tile in tiles])


def _encoded(sheet: np.ndarray, *, lossless: bool) -> str:
    buffer = io.BytesIO()
    if lossless:
        _picture(sheet).save(buffer, format="PNG", optimize=True)
    else:
        _picture(sheet).save(buffer, format="WEBP", quality=QUALITY, method=4)
    code = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/{'png' if lossless else 'webp'};base64,{code}"


def _picture(pixels: np.ndarray) -> Image:
    from PIL import Image

    return Image.fromarray(pixels)
