"""Operations that only move numbers. Each is run once, on the numbers of the places; that is the table of its picks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from vaejax.report.live._tape import Made, NotLive, Tape, Value, written
from vaejax.types import Shape

PLACES = {  # operands that say where, and not what; -1 is all but the first
    "gather": (1,),
    "scatter": (1,),
    "dynamic_slice": -1,
    "select_n": (0,),
    **dict.fromkeys(("broadcast_in_dim", "reshape", "transpose", "slice", "squeeze", "rev", "expand_dims"), ()),
    **dict.fromkeys(("concatenate", "pad", "split", "tile", "copy", "copy_p"), ()),
    "dynamic_update_slice": -2,
}
MOST = 2**24  # places that a float32 can number


def moved(tape: Tape, equation: Any, inputs: list[Value]) -> list[Value]:
    """The outputs of an operation that moves numbers, as one step `pick` each."""
    name = equation.primitive.name
    where = PLACES[name]
    where = range(-where, len(inputs)) if isinstance(where, int) else where
    if any(isinstance(inputs[place], Made) for place in where):
        raise NotLive(f"{name} at a place that depends on the latents")
    what = [place for place in range(len(inputs)) if place not in where]
    sizes = [math.prod(inputs[place].shape) for place in what]
    if sum(sizes) > MOST:
        raise NotLive(f"{name} of {sum(sizes):,} numbers")
    starts = np.cumsum([0, *sizes])
    numbered = {
        place: jnp.arange(start, start + size, dtype=jnp.float32).reshape(inputs[place].shape)
        for place, start, size in zip(what, starts, sizes, strict=False)
    }
    operands = [numbered.get(place, value) for place, value in enumerate(inputs)]
    found = equation.primitive.bind(*map(jnp.asarray, operands), **equation.params)
    tables = found if equation.primitive.multiple_results else [found]
    return [picked(tape, [inputs[place] for place in what], np.asarray(table)) for table in tables]


def picked(tape: Tape, sources: Sequence[Value], table: np.ndarray) -> Made:
    """Entry i is entry `table[i]` of all sources joined, flat; nothing is done where each stays in its place."""
    if not np.all((table >= 0) & (table < sum(math.prod(source.shape) for source in sources))):
        raise NotLive("an index that is out of bounds")
    flat = table.astype(np.int64).reshape(-1)
    (first, *more) = sources
    still = isinstance(first, Made) and not more and np.array_equal(flat, np.arange(math.prod(first.shape)))
    if still:
        return Made(first.index, table.shape)
    return written(tape, "pick", sources, table.shape, table=flat)


def rearranged(tape: Tape, value: Value, axes: Sequence[int], shape: Shape) -> Value:
    """`value` with its axes in this order, then of this shape."""
    if not isinstance(value, Made):
        return np.transpose(np.asarray(value, np.float32), axes).reshape(shape)
    places = np.arange(math.prod(value.shape)).reshape(value.shape)
    return picked(tape, [value], places.transpose(axes).reshape(shape))


def entrywise(tape: Tape, op: str, *operands: Value) -> Made:
    """A step on arrays, an axis of length 1 standing for as many as there are; a single number stays one."""
    shape = np.broadcast_shapes(*(value.shape for value in operands))
    return written(tape, op, [_of_shape(tape, value, shape) for value in operands], shape)


def _of_shape(tape: Tape, value: Value, shape: Shape) -> Value:
    if isinstance(value, Made):
        places = np.arange(math.prod(value.shape)).reshape(value.shape)
        return value if places.size == 1 else picked(tape, [value], np.broadcast_to(places, shape))
    array = np.asarray(value, np.float32)
    first = array.reshape(-1)[:1]
    return first if array.size and np.all(array == first) else np.broadcast_to(array, shape)
