"""Any function of one member, over all of them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.grid._devices import member_mesh, one_by_one, over_members
from vaejax.grid._program import Program
from vaejax.grid._run import exactly
from vaejax.grid._threads import ahead, on_threads, threads_for
from vaejax.types import Params


def each_member(function: Callable[..., Any], program: Program, params: Params, *shared: Any) -> Any:
    """`function(trainer, params, *shared)` of every member of a program, its leaves stacked as NumPy's `[member, ...]`.

    It is compiled once, and members go through it one after another on each device, or each thread of a CPU, so that
    memory does not grow with the grid. `shared` is the same for all. Products of float32 are in float32.
    """
    mesh, num = member_mesh(len(program.rows)), len(program.rows)
    lanes = min(threads_for(mesh), num)

    def one(numbers: Any, params: Params, *shared: Any) -> Any:
        return function(program.build(numbers), params, *shared)

    jitted = exactly(over_members(one_by_one(one, 2), mesh, 2, len(shared), effort=1))
    split = np.array_split(np.arange(-(-num // (lanes * mesh.size)) * lanes * mesh.size), lanes)
    parts = [jax.tree.map(lambda leaf, at=at: _rows(leaf, at), (dict(program.numbers), params)) for at in split]
    compiled = ahead(jitted, *parts[0], *shared)
    found = list(on_threads(lambda part: jax.block_until_ready(compiled(*part, *shared)), parts, lanes))
    return jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves])[:num], *found)


def _rows(leaf: Any, at: np.ndarray) -> jax.Array:
    """These rows; what lies beyond the last is the last."""
    return jnp.asarray(np.asarray(leaf)[np.minimum(at, len(leaf) - 1)])
