from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from vaejax import report
from vaejax.types import Example

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from vaejax.data import Data
    from vaejax.grid import Result
    from vaejax.report import Portrait, Shown

NUM_SHOWN, NUM_PLACED = 12, 300  # of the test split: examples as pictures, and as codes in a plane


def drawn(shown: Shown, results: Sequence[Result], data: Data) -> Shown:
    """With portraits of all members of these results, one grid after another."""
    examples = examples_of(data, NUM_PLACED)
    portraits: dict[int, Portrait] = {}
    begin = 0
    for result in results:
        found = report.portraits(jax.random.key(0), result, examples, chosen=_member(shown), live_of=report.live_of)
        portraits.update({begin + place: portrait for place, portrait in found.items()})
        begin += result.dataset["status"].size
    labels = data.labels.get("test")
    first: np.ndarray = jax.device_get(examples.x[:NUM_SHOWN])
    labels = None if labels is None else labels[: len(examples.x)]
    return shown._replace(portraits=portraits, examples=first, labels=labels, entries=data.entry_names)


def undrawn(shown: Shown, why: object) -> Shown:
    """Without pictures, and with the reason: what was measured is worth a page without them."""
    return shown._replace(missing=(*shown.missing, f"There are no pictures of members: {why}."))


def examples_of(data: Data, num: int) -> Example:
    """Examples of the test split as the model sees them, drawn with a fixed key."""
    raw = jax.tree.map(lambda leaf: jnp.asarray(leaf[:num]), data.raw("test"))
    return jax.vmap(data.example)(jax.random.split(jax.random.key(0), len(raw.x)), raw)


def _member(shown: Shown) -> Mapping[str, Any]:
    return {} if shown.answer is None else shown.answer.member or {}
