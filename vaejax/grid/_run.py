"""The compiled programs of a grid, mapped over its members: start, advance by a segment, measure."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from vaejax.bound import terms
from vaejax.data import Rows
from vaejax.grid._devices import over_members
from vaejax.grid._plan import Program
from vaejax.metrics import Measured, importance
from vaejax.numerics import average
from vaejax.train import Batches, segment
from vaejax.types import VAE, Bound, Example, Key, Latent, Params, Scalar, State

Numbers = Mapping[str, Any]
MEASURING_SEED = 0  # of all noise in measuring: members and epochs are compared on the same draws
CHUNK = 100  # examples measured at a time; small, so that filling up the last costs little


class Kept(NamedTuple):
    """The parameters at the best validation bound so far."""

    params: Params
    elbo: Scalar
    epoch: Array


class Record(NamedTuple):
    """What a segment leaves to look at, for one member.

    trained: means over the last epoch, as they were trained. validation: the bound on held-out data, one draw of z.
    settings: the numbers of the objective in force. finite: whether the member still has parameters.
    """

    trained: Bound
    validation: Scalar
    settings: Mapping[str, Array]
    finite: Array


class Chunks(NamedTuple):
    """A split in pieces of equal size: raw examples, their index in the split, and 0 for what fills up the last."""

    raw: Array
    index: Array
    weight: Array


def chunks_of(raw: np.ndarray | Rows, size: int = CHUNK) -> Chunks:
    """Every example exactly once, the last chunk filled up with weight 0.

    >>> chunks_of(np.zeros((5, 2)), 3).weight.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]
    """
    num = -(-len(raw) // size)
    index = np.arange(num * size).reshape(num, size)
    rows = np.minimum(index, len(raw) - 1)
    return Chunks(jnp.asarray(raw[rows]), jnp.asarray(index), jnp.where(index < len(raw), 1.0, 0.0))


class Compiled(NamedTuple):
    """The three programs of an architecture, over its members; jax compiles each when it is first called.

    start: `(numbers, seeds, raw) -> carry`, of state and kept.
    advance: `(carry, numbers, seeds, train, validation, first_epoch, num_epochs) -> (carry, record)`. The one training
        program: the device counts the epochs, so segments of any length are this program.
    measure: `(numbers, params, raw, index, num_samples) -> (measured, posterior means)` of one chunk.
    """

    start: Callable[..., Any]
    advance: Callable[..., Any]
    measure: Callable[..., Any]


def compile_for(program: Program, batches: Batches, mesh: Mesh) -> Compiled:
    """The programs of an architecture. Every key comes from a member's seed alone, never from its place in the grid."""

    def start(numbers: Numbers, seed: Array, raw: Array) -> tuple[State, Kept]:
        key, view_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 0))
        x = jax.vmap(batches.view)(jax.random.split(view_key, len(raw)), raw)
        state = program.build(numbers).init(key, Example(x))
        return state, Kept(state.params, jnp.asarray(-jnp.inf, float), jnp.zeros((), int))

    def train_segment(carry, numbers, seed, train, validation, first_epoch, num_epochs):
        trainer, (state, kept) = program.build(numbers), carry
        key = jax.random.fold_in(jax.random.key(seed), 1)
        state, trained = segment(trainer, batches, key, state, train, first_epoch, num_epochs)
        elbo = _held_out(trainer.model, batches, state.params, validation)
        kept = _better(Kept(state.params, elbo, first_epoch + num_epochs), kept)
        settings = {name: jnp.asarray(number, float) for name, number in trainer.objective.settings.items()}
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state.params)]))
        return (state, kept), Record(trained, elbo, settings, finite & jnp.isfinite(trained.value))

    def measure(numbers: Numbers, params: Params, raw: Array, index: Array, num_samples: Array) -> Any:
        return _measure(program.build(numbers).model, batches, params, raw, index, num_samples)

    def measure_in_turn(numbers, params, *chunk):  # so that memory does not grow with the grid
        return jax.lax.map(lambda member: measure(*member, *chunk), (numbers, params))

    return Compiled(
        over_members(jax.vmap(start, (0, 0, None)), mesh, 2, 1, effort=0),
        over_members(jax.vmap(train_segment, (0, 0, 0, None, None, None, None)), mesh, 3, 4, donate=True),
        over_members(measure_in_turn, mesh, 2, 3, effort=1),
    )


def _better(now: Kept, kept: Kept) -> Kept:
    """The one with the higher bound; NaN never wins."""
    return jax.tree.map(lambda new, old: jnp.where(now.elbo > kept.elbo, new, old), now, kept)


def _measure(
    model: VAE, batches: Batches, params: Params, raw: Array, index: Array, num_samples: Array
) -> tuple[Measured, Latent]:
    def one(raw: Array, index: Array) -> tuple[Measured, Latent]:
        view_key, draw_key = _measuring_keys(index)
        example = Example(batches.view(view_key, raw))
        return importance(draw_key, model, params, example, num_samples), model.encode(params, example)

    return jax.vmap(one)(raw, index)


def _held_out(model: VAE, batches: Batches, params: Params, validation: Chunks) -> Scalar:
    """The bound at beta 1 on the validation split, with one draw of z and the same noise every time."""

    def one(raw: Array, index: Array) -> Scalar:
        view_key, draw_key = _measuring_keys(index)
        found = terms(draw_key, model, params, Example(batches.view(view_key, raw)))
        return -(found.distortion + found.rate)

    elbos = jax.lax.map(lambda chunk: jax.vmap(one)(chunk.raw, chunk.index), validation)
    return average(elbos.reshape(-1), validation.weight.reshape(-1))


def _measuring_keys(index: Array) -> tuple[Key, Key]:
    """For how an example is seen and for its draws of z: from its place in the split alone."""
    view_key, draw_key = jax.random.split(jax.random.fold_in(jax.random.key(MEASURING_SEED), index))
    return view_key, draw_key
