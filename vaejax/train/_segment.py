"""How examples come to a step, and many steps as one program."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.errors import VaejaxError
from vaejax.types import Bound, Example, Key, Number, Scalar, State, Trainer


class Batches(NamedTuple):
    """How `num` examples come to a step: `size` at a time in a new order each epoch, one raw one as `view(key, raw)`.

    drop_last: leave out the examples that do not fill a batch; otherwise they come in one padded with weight 0.

    >>> Batches(lambda key, raw: raw, 4, 10).num_steps
    3
    """

    view: Callable[[Key, Example], Example]
    size: int
    num: int
    drop_last: bool = False

    @property
    def num_steps(self) -> int:
        """Of an epoch."""
        steps = self.num // self.size if self.drop_last else -(-self.num // self.size)
        if steps == 0:
            raise VaejaxError(f"a batch of {self.size} with drop_last needs as many examples, got {self.num}")
        return steps


class Shown(NamedTuple):
    """What training has shown in the epoch it is in: bounds summed by weight, and the weights."""

    total: Bound
    weight: Scalar

    @property
    def mean(self) -> Bound:
        """Over the examples of the epoch, as they were trained."""
        return jax.tree.map(lambda total: total / self.weight, self.total)


def nothing_shown() -> Shown:
    """Before the first step."""
    zero = jnp.zeros(())
    return Shown(Bound(zero, zero, zero), zero)


def order(batches: Batches, key: Key, epoch: Number) -> Int[Array, "steps size"]:
    """The examples of each step of an epoch: a permutation, its first rows again where the last batch is not full."""
    order_key, _, _ = _keys_of(key, epoch)
    return jnp.resize(jax.random.permutation(order_key, batches.num), (batches.num_steps, batches.size))


def segment(
    trainer: Trainer,
    batches: Batches,
    key: Key,
    carry: tuple[State, Shown],
    raw: Example,
    rows: Int[Array, "steps *size"],
    first: Number,
    num: Number,
    laid: Callable[[Example], Example] = lambda batch: batch,
) -> tuple[State, Shown]:
    """The steps `first`, ..., `first + num - 1` of a run; `raw[rows[i]]` are the examples of step `first + i`.

    Step t depends on `key` and t alone, so a run may be cut anywhere, and `raw` may be the whole split, of which `rows`
    picks examples, or the batches that these steps need, of which it picks one. `first` and `num` may be traced.
    laid: gives each batch as it is, laid over devices.
    """

    def step(at: Int[Array, ""], carry: tuple[State, Shown]) -> tuple[State, Shown]:
        state, shown = carry
        epoch, index = (first + at) // batches.num_steps, (first + at) % batches.num_steps
        _, view_key, step_key = _keys_of(key, epoch)
        weight = _weights(batches, index)
        with jax.named_scope("batch"):
            keys = jax.random.split(jax.random.fold_in(view_key, index), batches.size)
            here = jax.tree.map(lambda leaf: leaf[rows[at]], raw)
            batch = jax.vmap(batches.view)(keys, here)._replace(weight=weight)
        state, bound = trainer.step(jax.random.fold_in(step_key, index), state, laid(batch))
        before = jax.tree.map(lambda a: jnp.where(index == 0, 0.0, a), shown)  # an epoch begins
        mass = jnp.sum(weight)
        total = jax.tree.map(lambda a, b: a + b * mass, before.total, bound)
        return state, Shown(total, before.weight + mass)

    return jax.lax.fori_loop(0, num, step, carry)


def _keys_of(key: Key, epoch: Number) -> tuple[Key, Key, Key]:
    """For the order of an epoch, for how its examples are seen, for its steps."""
    order_key, view_key, step_key = jax.random.split(jax.random.fold_in(key, epoch), 3)
    return order_key, view_key, step_key


def _weights(batches: Batches, index: Int[Array, ""]) -> Float[Array, " size"]:
    """One for an example, zero for what fills up the last batch."""
    return jnp.where(index * batches.size + jnp.arange(batches.size) < batches.num, 1.0, 0.0)
