"""Any function of one member, over all of them."""

from collections.abc import Callable
from typing import Any

import jax

from vaejax.grid._devices import one_by_one, over_members, padded
from vaejax.grid._hosts import on_host
from vaejax.grid._mesh import mesh_for
from vaejax.grid._program import Program
from vaejax.grid._run import exactly
from vaejax.types import Params


def each_member(function: Callable[..., Any], program: Program, params: Params, *shared: Any) -> Any:
    """`function(trainer, params, *shared)` of every member of a program, its leaves stacked as NumPy's `[member, ...]`.

    It is compiled once, and members go through it one after another on each device, so that memory does not grow with
    the grid. `shared` is the same for all. Products of float32 are in float32.
    """
    mesh, num = mesh_for(len(program.rows)), len(program.rows)

    def one(numbers: Any, params: Params, *shared: Any) -> Any:
        return function(program.build(numbers), params, *shared)

    compiled = exactly(over_members(one_by_one(one, 2), mesh, 2, len(shared), effort=1))
    found = compiled(*padded((dict(program.numbers), params), mesh), *shared)
    return jax.tree.map(lambda leaf: leaf[:num], on_host(found))
