"""The member axis over the devices there are: each runs its own members, with nothing said between them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from vaejax.grid._mesh import MEMBER, num_places


def padded(tree: Any, mesh: Mesh) -> Any:
    """Leaves `[member, ...]` filled up to a multiple of the places on devices by repeating the last member."""

    def fill(leaf: Any) -> jax.Array:
        missing = -len(leaf) % num_places(mesh)
        return jnp.asarray(np.concatenate([leaf, np.repeat(leaf[-1:], missing, axis=0)]))

    return jax.tree.map(fill, tree)


def side_by_side(function: Callable, num_mapped: int) -> Callable:
    """`function` of one member over all of them at once: large operations for small networks.

    Its first `num_mapped` arguments have a leading axis of members, the others are shared.

    >>> side_by_side(lambda beta, rate: beta * rate, 1)(jnp.arange(3.0), 2.0).tolist()
    [0.0, 2.0, 4.0]
    """

    def mapped(*arguments: Any) -> Any:
        return jax.vmap(function, (0,) * num_mapped + (None,) * (len(arguments) - num_mapped))(*arguments)

    return mapped


def one_by_one(function: Callable, num_mapped: int) -> Callable:
    """`function` of one member after another, in one program: what is large for one member is there once.

    >>> one_by_one(lambda beta, rate: beta * rate, 1)(jnp.arange(3.0), 2.0).tolist()
    [0.0, 2.0, 4.0]
    """

    def mapped(*arguments: Any) -> Any:
        shared = arguments[num_mapped:]
        return jax.lax.map(lambda member: function(*member, *shared), arguments[:num_mapped])

    return mapped


def as_group(function: Callable, shared: bool) -> Callable:
    """`advance` of a group of members that go through training together.

    shared: they have one seed and slot, and what depends on these alone is computed once.
    """

    def mapped(carry: Any, numbers: Any, seeds: Any, slots: Any, *window: Any) -> Any:
        if len(seeds) == 1:
            one = jax.tree.map(lambda leaf: leaf[0], (carry, numbers, seeds, slots))
            return jax.tree.map(lambda leaf: leaf[None], function(*one, *window))
        own = None if shared else 0
        of_one = (seeds[0], slots[0]) if shared else (seeds, slots)
        return jax.vmap(function, (0, 0, own, own, *[None] * len(window)))(carry, numbers, *of_one, *window)

    return mapped


def over_members(
    function: Callable, mesh: Mesh, num_mapped: int, num_shared: int, *, donate: bool = False, effort: int | None = None
) -> Callable:
    """`function` compiled for every device to run on its members: first arguments are split, the others shared.

    Only the axis of members is cut by hand. Over that of data the compiler splits what it is told to (`spread`), and
    puts in the sums that this takes, so that it means the same for any function; what goes in and out is whole.
    effort: how hard the compiler tries, 0 to 3, on a CPU. It pays to compile quickly what is run once: drawing initial
    weights takes 20 s to compile at the default level, 3 s at 0, and runs within a second at both.
    """
    specs = (*[P(MEMBER)] * num_mapped, *[P()] * num_shared)
    split = jax.shard_map(
        function, mesh=mesh, in_specs=specs, out_specs=P(MEMBER), axis_names={MEMBER}, check_vma=False
    )
    chosen = effort is not None and mesh.devices.flat[0].platform == "cpu"
    options = {"xla_backend_optimization_level": effort} if chosen else None
    whole = NamedSharding(mesh, P(MEMBER))
    return jax.jit(split, donate_argnums=0 if donate else (), out_shardings=whole, compiler_options=options)
