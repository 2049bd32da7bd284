"""A function of z as steps on a tape: calls are inlined, and what does not depend on z is computed once and for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from jaxtyping import Array

from vaejax.report.live._lowered import lowered
from vaejax.report.live._tape import Made, NotLive, Tape, Value, pruned

LOOPS = ("scan", "while", "cond")  # their bodies are no calls


def traced(function: Callable[[Array], Array], z: Array) -> tuple[Tape, Made]:
    """The steps that make `function(z)`, z a vector like this one, and the place of what they make.

    Raises: NotLive, with the reason, where an operation is not known.
    """
    closed = jax.make_jaxpr(function)(z)
    tape = Tape([None])
    (output,) = _evaluated(tape, closed.jaxpr, closed.consts, [Made(0, z.shape)])
    if not isinstance(output, Made):
        raise NotLive("what it draws does not depend on the latents")
    return pruned(tape, output)


def _evaluated(tape: Tape, jaxpr: Jaxpr, consts: Sequence[Value], inputs: Sequence[Value]) -> list[Value]:
    known: dict[Any, Value] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *inputs], strict=True))

    def value(atom: Any) -> Value:
        return np.asarray(atom.val, atom.aval.dtype) if isinstance(atom, Literal) else known[atom]

    for equation in jaxpr.eqns:
        known.update(zip(equation.outvars, _outputs(tape, equation, [*map(value, equation.invars)]), strict=True))
    return [value(atom) for atom in jaxpr.outvars]


def _outputs(tape: Tape, equation: Any, inputs: list[Value]) -> list[Value]:
    primitive = equation.primitive
    body = None if primitive.name in LOOPS else _body(equation)
    if body is not None:
        return _evaluated(tape, body.jaxpr, body.consts, inputs)
    if not any(isinstance(value, Made) for value in inputs):
        found = primitive.bind(*map(jnp.asarray, inputs), **equation.params)
        return list(found) if primitive.multiple_results else [found]
    if primitive.name in LOOPS:
        raise NotLive(f"a loop or a choice ({primitive.name}) over what depends on the latents")
    for variable in equation.outvars:
        if not jnp.issubdtype(variable.aval.dtype, jnp.floating) and variable.aval.dtype != np.bool_:
            raise NotLive(f"{primitive.name} makes {variable.aval.dtype} of the latents")
    return lowered(tape, equation, inputs)


def _body(equation: Any) -> ClosedJaxpr | None:
    """What a call calls, whatever kind of call it is."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        body = equation.params.get(name)
        if isinstance(body, ClosedJaxpr):
            return body
        if isinstance(body, Jaxpr):
            return ClosedJaxpr(body, ())
    return None
