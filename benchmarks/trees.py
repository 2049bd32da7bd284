"""Canonical parameters in the tree of a library that nests layers by name."""

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.networks import Parameters


def unflattened(canonical: Parameters, like: Any) -> Any:
    """The tree of `like`, each leaf `part/layer/kernel` the canonical one in its shape."""

    def leaf(path: Any, shape: Any) -> jax.Array:
        name = "/".join(str(key.key) for key in path)
        return jnp.asarray(canonical[name]).reshape(shape.shape)

    return jax.tree_util.tree_map_with_path(leaf, like)
