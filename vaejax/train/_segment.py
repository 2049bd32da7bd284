"""A segment of epochs as one program: every epoch shows each example once, in an order of its own."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from vaejax.errors import VaejaxError
from vaejax.types import Bound, Example, Key, State, Trainer


class Batches(NamedTuple):
    """How examples come to a step: `size` at a time in a new order each epoch, seen through `view(key, raw) -> x`.

    drop_last: leave out the examples that do not fill a batch; otherwise they come in one padded with weight 0.
    """

    view: Callable[[Key, Array], Array]
    size: int
    drop_last: bool = False


def segment(
    trainer: Trainer,
    batches: Batches,
    key: Key,
    state: State,
    raw: Shaped[Array, "num *event"],
    first_epoch: Int[Array, ""],
    num_epochs: Int[Array, ""],
) -> tuple[State, Bound]:
    """Train for `num_epochs` epochs; the state and the mean bound over the last epoch, as it was trained.

    Epoch e depends on `key` and e alone, so a run may be cut into segments anywhere. Both counts may be traced.
    """

    def epoch(index: Int[Array, ""], carry: tuple[State, Bound]) -> tuple[State, Bound]:
        return _epoch(trainer, batches, jax.random.fold_in(key, index), carry[0], raw)

    zero = jnp.zeros(())
    return jax.lax.fori_loop(first_epoch, first_epoch + num_epochs, epoch, (state, Bound(zero, zero, zero)))


def _epoch(trainer: Trainer, batches: Batches, key: Key, state: State, raw: Array) -> tuple[State, Bound]:
    order_key, view_key, step_key = jax.random.split(key, 3)
    rows, weights = _rows(order_key, len(raw), batches)

    def step(carry: tuple[State, Bound], at: tuple[Array, Array, Array]) -> tuple[tuple[State, Bound], None]:
        state, total = carry
        index, rows, weight = at
        keys = jax.random.split(jax.random.fold_in(view_key, index), batches.size)
        batch = Example(jax.vmap(batches.view)(keys, raw[rows]), weight=weight)
        state, bound = trainer.step(jax.random.fold_in(step_key, index), state, batch)
        return (state, jax.tree.map(lambda a, b: a + b * jnp.sum(weight), total, bound)), None

    zero = jnp.zeros(())
    start = (state, Bound(zero, zero, zero))
    (state, total), _ = jax.lax.scan(step, start, (jnp.arange(len(rows)), rows, weights))
    return state, jax.tree.map(lambda a: a / jnp.sum(weights), total)


def _rows(key: Key, num: int, batches: Batches) -> tuple[Int[Array, "steps size"], Float[Array, "steps size"]]:
    """A permutation cut into batches, and a weight of zero for what fills up the last one."""
    num_steps = num // batches.size if batches.drop_last else -(-num // batches.size)
    if num_steps == 0:
        raise VaejaxError(f"a batch of {batches.size} with drop_last needs as many examples, got {num}")
    length = num_steps * batches.size
    order = jax.random.permutation(key, num)
    rows = jnp.resize(order, (num_steps, batches.size))
    weights = np.where(np.arange(length) < num, 1.0, 0.0).reshape(num_steps, batches.size)
    return rows, jnp.asarray(weights, float)
