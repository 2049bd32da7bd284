"""The member axis over the devices there are: each runs its own members, with nothing said between them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh
from jax.sharding import PartitionSpec as P

MEMBER = "member"


def member_mesh(num_members: int) -> Mesh:
    """A mesh of as many devices as there are members for."""
    num = min(num_members, jax.device_count())
    return jax.make_mesh((num,), (MEMBER,), devices=jax.devices()[:num], axis_types=(AxisType.Auto,))


def padded(tree: Any, mesh: Mesh) -> Any:
    """Leaves `[member, ...]` filled up to a multiple of the devices by repeating the last member."""

    def fill(leaf: Any) -> jax.Array:
        missing = -len(leaf) % mesh.size
        return jnp.asarray(np.concatenate([leaf, np.repeat(leaf[-1:], missing, axis=0)]))

    return jax.tree.map(fill, tree)


def over_members(function: Callable, mesh: Mesh, num_mapped: int, num_shared: int, *, donate: bool = False) -> Callable:
    """`function` compiled for every device to run on its members: first arguments are split, the others shared."""
    specs = (*[P(MEMBER)] * num_mapped, *[P()] * num_shared)
    split = jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=P(MEMBER), check_vma=False)
    return jax.jit(split, donate_argnums=0 if donate else ())
