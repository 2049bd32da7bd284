"""Any function of one member, over all of them."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from vaejax.grid._devices import one_by_one, over_members, padded
from vaejax.grid._mesh import own_mesh
from vaejax.grid._program import Program
from vaejax.grid._run import exactly
from vaejax.grid._threads import ahead, on_threads, threads_for
from vaejax.types import Params


def each_member(function: Callable[..., Any], program: Program, params: Params, *shared: Any) -> Any:
    """`function(trainer, params, *shared)` of every member of a program, its leaves stacked as NumPy's `[member, ...]`.

    It is compiled once, and members go through it one after another on each device, or each thread of a CPU, so that
    memory does not grow with the grid. Of several processes each asks its own devices, so that one may ask alone.
    `shared` is the same for all. Products of float32 are in float32.
    """
    mesh, num = own_mesh(len(program.rows)), len(program.rows)
    lanes = min(threads_for(mesh), num)

    def one(numbers: Any, params: Params, *shared: Any) -> Any:
        return function(program.build(numbers), params, *shared)

    jitted = exactly(over_members(one_by_one(one, 2), mesh, 2, len(shared), effort=1))
    rows = np.minimum(np.arange(num + -num % lanes), num - 1).reshape(lanes, -1)  # the last fills up
    parts = [jax.tree.map(lambda leaf, at=at: np.asarray(leaf)[at], (dict(program.numbers), params)) for at in rows]
    placed = [padded(part, mesh) for part in parts]
    compiled = ahead(jitted, *placed[0], *shared)
    found = on_threads(lambda part: jax.block_until_ready(compiled(*part, *shared)), placed, lanes)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:num], *map(jax.device_get, found))
