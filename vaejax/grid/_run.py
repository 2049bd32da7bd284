"""The compiled programs of a grid, mapped over its members: start, advance, look, keep, measure."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from vaejax.bound import terms
from vaejax.grid._devices import as_group, one_by_one, over_members, side_by_side
from vaejax.grid._mesh import spread
from vaejax.grid._program import Program
from vaejax.metrics import BLOCK as DRAWS_AT_ONCE
from vaejax.metrics import Measured, importance
from vaejax.train import Batches, Shown, nothing_shown, segment
from vaejax.types import VAE, Bound, Example, Key, Latent, Params, Scalar, State

Numbers = Mapping[str, Any]
Carry = tuple[State, Shown]
MEASURING_SEED = 0  # of all noise in measuring: members and epochs are compared on the same draws
AT_ONCE = 2**16  # values of x that are decoded at once in measuring, about as many as in training, for the caches
WIDELY = 2**24  # the same on an accelerator, which small operations leave idle
CHUNK = 100  # examples measured at a time; small, so that filling up the last costs little


class Kept(NamedTuple):
    """The parameters at the best validation bound so far."""

    params: Params
    elbo: Scalar
    epoch: Array


class Record(NamedTuple):
    """What a segment leaves to look at, for one member.

    trained: means over the last epoch, as they were trained. settings: the numbers of the objective in force.
    finite: whether the member still has parameters.
    """

    trained: Bound
    settings: Mapping[str, Array]
    finite: Array


class Chunk(NamedTuple):
    """Examples to be measured: raw, their index in the split, and 0 for what fills up the last."""

    raw: Example
    index: Array
    weight: Array


def chunks_of(raw: Example, size: int = CHUNK) -> Iterator[Chunk]:
    """Every example of `[N, ...]` exactly once, `size` at a time, the last chunk filled up with weight 0.

    >>> [chunk.weight.tolist() for chunk in chunks_of(Example(np.zeros((5, 2))), 3)]
    [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]
    """
    num = len(raw.x)
    for first in range(0, num, size):
        index = np.arange(first, first + size)
        rows = np.minimum(index, num - 1)
        some = jax.tree.map(lambda leaf, rows=rows: jnp.asarray(leaf[rows]), raw)
        yield Chunk(some, jnp.asarray(index), jnp.where(index < num, 1.0, 0.0))


def training_key(seed: Array) -> Key:
    """Of everything in a member's training but its initial weights."""
    return jax.random.fold_in(jax.random.key(seed), 1)


class Compiled(NamedTuple):
    """The programs of an architecture, over its members; jax compiles each when it is first called.

    start: `(numbers, seeds, raw) -> (carry, kept)`.
    advance: `(carry, numbers, seeds, slots, raw, rows, first, num) -> carry`. The one training program: the device
        counts the steps, so pieces of any length are this program.
    look: `(numbers, carry, chunk) -> sum of the bound at beta 1 over examples`, one draw of z each.
    score: the same of `(numbers, params, chunk)`.
    keep: `(kept, numbers, carry, elbo, epoch) -> (kept, record)`.
    measure: `(numbers, params, chunk, num_samples) -> (measured, posterior means)`.
    """

    start: Callable[..., Any]
    advance: Callable[..., Any]
    look: Callable[..., Any]
    score: Callable[..., Any]
    keep: Callable[..., Any]
    measure: Callable[..., Any]


def compile_for(program: Program, batches: Batches, mesh: Mesh, shared: bool = False) -> Compiled:
    """The programs of an architecture. Every key comes from a member's seed alone, never from its place in the grid.

    shared: the members that a device trains at a time are of one seed.
    """

    def start(numbers: Numbers, seed: Array, raw: Example) -> tuple[Carry, Kept]:
        key, view_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 0))
        batch = jax.vmap(batches.view)(jax.random.split(view_key, len(raw.x)), raw)
        trainer = program.build(numbers)
        state = trainer.init(key, batch)
        kept = Kept(trainer.params(state), jnp.asarray(-jnp.inf, float), jnp.zeros((), int))
        return (state, nothing_shown()), kept

    laid = functools.partial(spread, mesh)

    def advance(carry, numbers, seed, slot, raw, rows, first, num):
        trainer = program.build(numbers)
        return segment(trainer, batches, training_key(seed), carry, raw, rows[slot], first, num, laid)

    def look(numbers: Numbers, carry: Carry, chunk: Chunk) -> Scalar:
        trainer, state = program.build(numbers), carry[0]
        return _held_out(trainer.model, batches, trainer.params(state), chunk)  # the model that is handed over

    def score(numbers: Numbers, params: Params, chunk: Chunk) -> Scalar:
        return _held_out(program.build(numbers).model, batches, params, chunk)

    def keep(kept: Kept, numbers: Numbers, carry: Carry, elbo: Scalar, epoch: Array) -> tuple[Kept, Record]:
        trainer, (state, shown) = program.build(numbers), carry
        now = Kept(trainer.params(state), elbo, epoch)
        settings = {
            name: jnp.asarray(value, float) for name, value in trainer.at(state.step).objective.settings.items()
        }
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state.params)]))
        return _better(now, kept), Record(shown.mean, settings, finite & jnp.isfinite(shown.mean.value))

    def measure(numbers: Numbers, params: Params, chunk: Chunk, num_samples: Array) -> Any:
        return _measure(program.build(numbers).model, batches, params, chunk, num_samples)

    def trained(function: Callable, mapped: Callable, num_mapped: int, num_shared: int, **options: Any) -> Callable:
        named = functools.update_wrapper(mapped, function)  # for the name in jax's events
        return over_members(named, mesh, num_mapped, num_shared, **options)

    return Compiled(
        trained(start, side_by_side(start, 2), 2, 1, effort=0),
        trained(advance, as_group(advance, shared), 4, 4, donate=True),
        exactly(trained(look, side_by_side(look, 2), 2, 1, effort=1)),
        exactly(trained(score, one_by_one(score, 2), 2, 1, effort=1)),
        trained(keep, side_by_side(keep, 4), 4, 1, donate=True, effort=0),
        exactly(trained(measure, one_by_one(measure, 2), 2, 2, effort=1)),  # so that memory does not grow with the grid
    )


def exactly(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """The same program with float32 products in float32. An accelerator rounds their factors, to 8 bits on a TPU, which
    training forgives; a number that is reported is the same on all of them. `lower` as of a jitted function."""
    jitted: Any = compiled

    def run(*arguments: Any) -> Any:
        with jax.default_matmul_precision("float32"):
            return jitted(*arguments)

    def lower(*arguments: Any) -> Any:
        with jax.default_matmul_precision("float32"):
            return jitted.lower(*arguments)

    exact: Any = functools.update_wrapper(run, compiled)
    exact.lower = lower
    return exact


def _better(now: Kept, kept: Kept) -> Kept:
    """The one with the higher bound; NaN never wins."""
    return jax.tree.map(lambda new, old: jnp.where(now.elbo > kept.elbo, new, old), now, kept)


def _measure(model: VAE, batches: Batches, params: Params, chunk: Chunk, num_samples: Array) -> tuple[Measured, Latent]:
    def one(raw: Example, index: Array) -> tuple[Measured, Latent]:
        view_key, draw_key = measuring_keys(index)
        example = batches.view(view_key, raw)
        return importance(draw_key, model, params, example, num_samples), model.encode(params, example)

    num, most = len(chunk.index), examples_at_once(model)
    at_once = max(size for size in range(1, num + 1) if num % size == 0 and size <= most)
    return jax.lax.map(lambda example: one(*example), (chunk.raw, chunk.index), batch_size=at_once)


def _held_out(model: VAE, batches: Batches, params: Params, chunk: Chunk) -> Scalar:
    """The bound at beta 1 with one draw of z and the same noise every time, summed over examples."""

    def one(raw: Example, index: Array) -> Scalar:
        view_key, draw_key = measuring_keys(index)
        found = terms(draw_key, model, params, batches.view(view_key, raw))
        return -(found.distortion + found.rate)

    elbos = jax.vmap(one)(chunk.raw, chunk.index)
    return jnp.sum(jnp.where(chunk.weight > 0, elbos, 0.0))


def examples_at_once(model: VAE) -> int:
    """How many examples to decode at a time, each from a block of draws."""
    values = AT_ONCE if jax.default_backend() == "cpu" else WIDELY
    return max(1, values // (DRAWS_AT_ONCE * math.prod(model.data_shape)))


def measuring_keys(index: Array) -> tuple[Key, Key]:
    """For how an example is seen and for its draws of z: from its place in the split alone."""
    view_key, draw_key = jax.random.split(jax.random.fold_in(jax.random.key(MEASURING_SEED), index))
    return view_key, draw_key
