"""Live decoders for the members that a page shows first, as many as it has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaejax.grid import extract
from vaejax.report._export import MOST_NUMBERS, live_of
from vaejax.report._order import ranked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vaejax.grid import Result
    from vaejax.report._portrait import Portrait
    from vaejax.types import Key

ROOM = 375_000  # weights of all decoders of a page: a megabyte, as four letters stand for three bytes


def with_decoders(
    key: Key,
    result: Result,
    portraits: Mapping[int, Portrait],
    *,
    context: Any = None,
    chosen: Mapping[str, Any] | None = None,
    room: int = ROOM,
) -> dict[int, Portrait]:
    """Portraits by place, with a live decoder where there is room: the chosen member, the best of each size, the rest.

    context: what decoders look at besides z; that of the first example. The first decoder may take all room there is.

    >>> import numpy as np, optax, vaejax as vj
    >>> def member(beta):
    ...     model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    ...     return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-3))
    >>> rows = np.random.default_rng(0).random((20, 4), np.float32)
    >>> result = vj.sweep(member, rows, beta=[1.0, 2.0, 4.0], epochs=1, num_samples=4)
    >>> drawn = vj.report.portraits(jax.random.key(0), result, rows)
    >>> found = with_decoders(jax.random.key(0), result, drawn, chosen={"beta": 2.0}, room=200)
    >>> [one.live is not None for one in found.values()]
    [False, True, False]
    """
    first, others = ranked([result.dataset], chosen)
    found, places = dict(portraits), _places(result)
    for place in (*first, *others):
        if place not in found or not found[place].traversals:
            continue
        live = live_of(key, *extract(result, **places[place]), context=context, most_numbers=min(room, MOST_NUMBERS))
        if live is None:  # too large, or with what a page does not know, as others of this grid would be
            break
        found[place] = found[place]._replace(live=live)
        room -= len(live.weights)
    return found


def _places(result: Result) -> list[dict[str, Any]]:
    """Where each member stands in the grid."""
    from vaejax.tables import rows_of

    return [{name: value for name, value in row.items() if name != "program"} for row in rows_of(result.dataset, [])]
