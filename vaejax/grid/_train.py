"""One program of a grid, from its first step to its last."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from vaejax.data import Data
from vaejax.grid._devices import MEMBER, member_mesh, padded
from vaejax.grid._feed import feed_of
from vaejax.grid._plan import Program
from vaejax.grid._run import Plan, chunks_of, compile_for, training_key
from vaejax.grid._sheet import Sheet
from vaejax.train import Batches
from vaejax.types import Params

SECONDS = 5.0  # of work that the devices are given at a time: between two such they can be stopped or saved
TRIALS = (1, 10)  # steps of the first slices: one that compiles, one that tells how long a step takes

Offer = Callable[[int, Callable[[], Any]], None]  # (steps done, what is carried on) may be saved now
Restored = tuple[int, Callable[[Any], Any]]  # steps done, and what was carried on, given its shapes


class Pace:
    """How many steps make a slice."""

    def __init__(self, longest: int) -> None:
        self.longest, self.size, self.trials = longest, longest, list(TRIALS)

    def next(self, left: int) -> int:
        """Steps to be done now, where so many are left."""
        return min(self.trials[0] if self.trials else self.size, self.longest, left)

    def took(self, steps: int, seconds: float) -> None:
        """What the last slice took."""
        if len(self.trials) < len(TRIALS):  # else it was compiled in that time
            self.size = max(1, min(self.longest, int(steps * SECONDS / max(seconds, 1e-6))))
        self.trials = self.trials[1:]


def train_program(
    program: Program,
    batches: Batches,
    data: Data,
    sheet: Sheet,
    number: int,
    plan: Plan,
    restored: Restored | None,
    offer: Offer,
) -> Params:
    """The parameters of the members at their best on validation, stacked, on the host."""
    num, mesh = len(program.rows), member_mesh(len(program.rows))
    compiled = compile_for(program, batches, mesh, plan)
    feed = feed_of(data.raw("train"), batches, program.seeds, training_key)
    numbers, seeds, slots = padded((dict(program.numbers), program.seeds, feed.slots), mesh)
    start = numbers, seeds, next(chunks_of(data.raw("train"), batches.size)).raw
    if restored is None:
        done, (carry, kept) = 0, compiled.start(*start)
    else:
        done, read = restored
        carry, kept = padded(read(_members_of(jax.eval_shape(compiled.start, *start), num)), mesh)
    carry, kept = jax.device_put((carry, kept), NamedSharding(mesh, P(MEMBER)))
    pace = Pace(feed.longest)

    def here() -> Any:
        return jax.tree.map(lambda leaf: leaf[:num], (carry, kept))

    for at, (epoch, end) in enumerate(zip(sheet.ends.tolist(), (sheet.ends * batches.num_steps).tolist(), strict=True)):
        if end <= done:
            continue
        while done < end:
            steps, began = pace.next(end - done), time.monotonic()
            window = (*feed.window(done, steps), jnp.asarray(done), jnp.asarray(steps))
            carry = jax.block_until_ready(compiled.advance(carry, numbers, seeds, slots, *window))
            done += steps
            pace.took(steps, time.monotonic() - began)
            if done < end:
                offer(done, here)
        elbo = _held_out(compiled.look, numbers, carry, data)
        kept, record = compiled.keep(kept, numbers, carry, jnp.asarray(elbo, float), jnp.asarray(epoch))
        sheet.record(number, program, at, elbo[:num], _on_host(record, num))
        offer(done, here)
    best = _on_host(kept, num)
    sheet.put(program, {"best_epoch": best.epoch})
    return best.params


def _held_out(look: Callable[..., Any], numbers: Any, carry: Any, data: Data) -> np.ndarray:
    """The bound at beta 1 on validation, one draw of z, `[member]`."""
    sums = [look(numbers, carry, chunk) for chunk in chunks_of(data.raw("validation"))]
    return np.sum([np.asarray(one, np.float64) for one in sums], axis=0) / len(data.validation)


def _on_host(tree: Any, num: int) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[:num], tree)


def _members_of(like: Any, num: int) -> Any:
    """Shapes without the members that fill up the devices."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((num, *leaf.shape[1:]), leaf.dtype), like)
