"""From the primitives of jax to the few operations that a page knows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from vaejax.report.live._convolutions import CONVOLUTIONS
from vaejax.report.live._interpreter import ENTRYWISE
from vaejax.report.live._moves import PLACES, entrywise, moved, rearranged
from vaejax.report.live._tape import Made, NotLive, Tape, Value, written

SAME_NAME = ENTRYWISE.keys() - {"select"}
IDENTITIES = ("convert_element_type", "reduce_precision", "stop_gradient", "optimization_barrier")  # all is float32
REDUCTIONS = {"reduce_sum": "sum", "reduce_max": "most", "reduce_min": "least"}
Lowering = Callable[[Tape, Any, list[Value]], Value]


def lowered(tape: Tape, equation: Any, inputs: list[Value]) -> list[Value]:
    """What an operation makes of values of which some depend on z.

    Raises: NotLive, which names an operation that a page does not know.
    """
    name = equation.primitive.name
    if name == "select_n" and isinstance(inputs[0], Made):
        return [_select(tape, equation, inputs)]
    if name in PLACES:
        return moved(tape, equation, inputs)
    if name in IDENTITIES:
        return [_real(tape, equation, value) for value in inputs]
    if name in SAME_NAME:
        return [entrywise(tape, name, *inputs)]
    lowering = LOWERINGS.get(name)
    if lowering is None:
        raise NotLive(f"the operation {name} is not known to the page")
    return [lowering(tape, equation, inputs)]


def _real(tape: Tape, equation: Any, value: Value) -> Value:
    """Truth values are 0 and 1 in a page, and so is a float that becomes one."""
    to_truth = equation.params.get("new_dtype") == np.bool_
    return entrywise(tape, "ne", value, np.zeros(1)) if to_truth and isinstance(value, Made) else value


def _select(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    if len(inputs) != 3:
        raise NotLive(f"select_n between {len(inputs) - 1} values")
    which, no, yes = inputs
    return entrywise(tape, "select", which, no, yes)


def _rsqrt(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    return entrywise(tape, "div", np.ones(1), entrywise(tape, "sqrt", *inputs))


def _square(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    return entrywise(tape, "mul", inputs[0], inputs[0])


def _integer_pow(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    """By products, as jax does it."""
    (x,), power = inputs, equation.params["y"]
    found, factor, left = None, x, abs(power)
    while left:
        if left % 2:
            found = factor if found is None else entrywise(tape, "mul", found, factor)
        left //= 2
        factor = entrywise(tape, "mul", factor, factor) if left else factor
    if found is None:
        return np.ones(x.shape, np.float32)
    return entrywise(tape, "div", np.ones(1), found) if power < 0 else found


def _clamp(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    low, x, high = inputs
    return entrywise(tape, "min", entrywise(tape, "max", x, low), high)


def _reduce(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    (x,), axes = inputs, equation.params["axes"]
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    shape = tuple(x.shape[axis] for axis in kept)
    num = math.prod(x.shape[axis] for axis in axes)
    last = rearranged(tape, x, [*kept, *axes], (math.prod(shape), num))
    return written(tape, REDUCTIONS[equation.primitive.name], [last], shape, num=num)


def _dot(tape: Tape, equation: Any, inputs: list[Value]) -> Value:
    """As a batch of products of `[rows, inner]` with `[inner, columns]`."""
    a, b = inputs
    (a_inner, b_inner), (a_batch, b_batch) = equation.params["dimension_numbers"]
    a_free, b_free = (
        [axis for axis in range(len(value.shape)) if axis not in (*inner, *batch)]
        for value, inner, batch in ((a, a_inner, a_batch), (b, b_inner, b_batch))
    )
    batch, inner = _sizes(a, a_batch), _sizes(a, a_inner)
    rows, columns = _sizes(a, a_free), _sizes(b, b_free)
    sizes = {
        "batch": math.prod(batch),
        "rows": math.prod(rows),
        "inner": math.prod(inner),
        "columns": math.prod(columns),
    }
    left = rearranged(tape, a, [*a_batch, *a_free, *a_inner], (sizes["batch"], sizes["rows"], sizes["inner"]))
    right = rearranged(tape, b, [*b_batch, *b_inner, *b_free], (sizes["batch"], sizes["inner"], sizes["columns"]))
    return written(tape, "matmul", [left, right], (*batch, *rows, *columns), **sizes)


def _sizes(value: Value, axes: Any) -> tuple[int, ...]:
    return tuple(value.shape[axis] for axis in axes)


LOWERINGS: dict[str, Lowering] = {
    "rsqrt": _rsqrt,
    "square": _square,
    "integer_pow": _integer_pow,
    "clamp": _clamp,
    "add_any": lambda tape, equation, inputs: entrywise(tape, "add", *inputs),
    "dot_general": _dot,
    **dict.fromkeys(REDUCTIONS, _reduce),
    **CONVOLUTIONS,
}
