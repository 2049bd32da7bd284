"""Training examples in the order in which each seed sees them, from the device or from where they lie."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from vaejax.grid._mesh import laid, num_parts, own_places
from vaejax.train import Batches, order
from vaejax.types import Example

SLICE = 100  # steps that a device does without being asked: it can be stopped, and saved, between slices
RESIDENT = 2**31  # bytes of a split that are kept on the device; of a larger one, what a slice needs is sent there
WINDOW = 2**27  # bytes that are sent for a slice


class Feed(NamedTuple):
    """slots: which of the seeds' orders each member follows. longest: how many steps a slice can have.

    window: `(first, num) -> (raw, rows)`, so that `raw[rows[slot, i]]` are the examples of step `first + i`.
    """

    slots: np.ndarray
    longest: int
    window: Callable[[int, int], tuple[Example, Array]]


def feed_of(raw: Example, batches: Batches, seeds: np.ndarray, key_of: Callable[[Array], Array], mesh: Mesh) -> Feed:
    """How a split, `[N, ...]`, is fed to members of these seeds; `key_of(seed)` is the key of a seed's training.

    Members of one seed see one order. A split that does not fit on the device is read slice by slice, by the same
    index rule, so that the same examples come to the same steps. Read and sent are the batches as they are trained, of
    each its part for the devices of this process.
    """
    distinct, slots = np.unique(seeds, return_inverse=True)
    rows_of = _rows(batches, distinct, key_of)
    nbytes = sum(leaf.nbytes for leaf in jax.tree.leaves(raw))
    if nbytes <= RESIDENT:
        resident = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), raw)
        return Feed(slots.astype(np.int32), SLICE, lambda first, num: (resident, jnp.asarray(rows_of(first, SLICE))))
    row_bytes = nbytes // len(raw.x)
    longest = max(1, min(SLICE, WINDOW // (row_bytes * batches.size * len(distinct))))
    reader, own = Ahead(lambda rows: jax.tree.map(lambda leaf: leaf[rows], raw)), own_places(mesh, batches.size)
    sent, rows = _sent(mesh, (len(distinct), longest, batches.size))

    def window(first: int, num: int) -> tuple[Example, Array]:
        found = reader.read(first, lambda at: rows_of(at, longest)[..., own].reshape(-1, len(own)), first + num)
        return jax.tree.map(sent, found), rows

    return Feed(slots.astype(np.int32), longest, window)


def _sent(mesh: Mesh, shape: tuple[int, int, int]) -> tuple[Callable[[np.ndarray], Array], Array]:
    """How what was read, `[slot * step, place, ...]`, comes to devices as `raw`, and `rows`, which pick its batches.

    Where a batch is split, `raw` is of batches, each over its devices, and `rows` picks one of them: no device then
    asks another for examples. Else it is of examples: the same program as from memory, so the same bits.
    shape: slots, steps and the size of a batch.
    """
    split = num_parts(mesh) > 1
    picked = shape[:2] if split else shape

    def sent(own: np.ndarray) -> Array:
        return laid(mesh, shape[2], own) if split else jnp.asarray(own.reshape(-1, *own.shape[2:]))

    return sent, jnp.arange(np.prod(picked), dtype=np.int32).reshape(picked)


class Ahead:
    """Reads what will be asked for next while what was asked for is used: one window more is in memory.

    function: of rows, NumPy's, without jax, whose settings are others on a thread.
    """

    def __init__(self, function: Callable[[np.ndarray], Example]) -> None:
        self.function, self.pool = function, ThreadPoolExecutor(1)
        self.waiting: dict[int, Future[Example]] = {}

    def read(self, first: int, rows_of: Callable[[int], np.ndarray], following: int) -> Example:
        """What starts at `first`; then that at `following` is begun."""
        found = self.waiting.pop(first, None)
        for other in self.waiting.values():
            other.cancel()
        now = self.function(rows_of(first)) if found is None else found.result()
        self.waiting = {following: self.pool.submit(self.function, rows_of(following))}
        return now


def _rows(batches: Batches, seeds: np.ndarray, key_of: Callable[[Array], Array]) -> Callable[[int, int], np.ndarray]:
    """`(first, num) -> [seed, num, size]`: which examples come to which step."""

    @jax.jit
    def orders(seeds: Array, epoch: Array) -> Array:
        return jax.vmap(lambda seed: order(batches, key_of(seed), epoch))(seeds)

    known: dict[int, np.ndarray] = {}  # the epochs of one slice

    def rows_of(first: int, num: int) -> np.ndarray:
        epochs = range(first // batches.num_steps, (first + num - 1) // batches.num_steps + 1)
        for epoch in epochs:
            if epoch not in known:
                known[epoch] = np.asarray(orders(jnp.asarray(seeds), jnp.asarray(epoch)), np.int32)
        for epoch in set(known) - set(epochs):
            del known[epoch]
        start = first - epochs[0] * batches.num_steps
        return np.concatenate([known[epoch] for epoch in epochs], axis=1)[:, start : start + num]

    return rows_of
