from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from vaejax.errors import NetworkError
from vaejax.nets._foreign import Foreign, Laws, adapted, refuse_state, told
from vaejax.nets._named import filled, named
from vaejax.types import Key, NetBuilder, Params, Shape


def from_nnx(
    build: Callable[..., Any], *, reads_latents: Laws | None = None, writes_latents: Laws | None = None
) -> NetBuilder:
    """Modules of flax.nnx, `build(rngs, shape, *inputs)` for an output of `shape`, as a network.

    `inputs` are arrays that show the shapes of what the module will be called on. Parameters are the `nnx.Param`s, a
    list counting from "0". In training the streams of random numbers come from the example's key and `train()` holds,
    else `eval()`. All else is as in `from_linen`.

    >>> import vaejax as vj
    >>> from flax import nnx
    >>> decoder = from_nnx(lambda rngs, shape, z: nnx.Linear(len(z), shape[1], rngs=rngs))
    >>> params = decoder((1, 4)).init(jax.random.key(0), (None, jnp.ones(2)), jnp.ones((1, 4)))
    >>> decoder((1, 4)).apply(params, (None, jnp.ones(2)), None).shape
    (1, 4)
    """

    def foreign(shape: Shape) -> Foreign:
        from flax import nnx

        def made(key: Key, inputs: tuple[PyTree, ...]) -> Any:
            module = build(nnx.Rngs(key), shape, *inputs)
            if not isinstance(module, nnx.Module):
                raise NetworkError(f"expected a flax.nnx module for an output of shape {shape}, got {module!r}")
            return module

        def init(key: Key, inputs: tuple[PyTree, ...]) -> Params:
            _, params, rest = nnx.split(made(key, inputs), nnx.Param, ...)
            states = [one for _, one in nnx.to_flat_state(rest) if not isinstance(one, nnx.RngState)]
            refuse_state({type(one).__name__ for one in states})
            return named(nnx.to_pure_dict(params))

        def apply(params: Params, inputs: tuple[PyTree, ...], key: Key | None) -> Any:
            abstract = nnx.eval_shape(lambda: made(jax.random.key(0), inputs))
            graph, state, rest = nnx.split(abstract, nnx.Param, ...)
            nnx.replace_by_pure_dict(state, filled(nnx.to_pure_dict(state), params))
            module = nnx.merge(graph, state, _streams(rest, jax.random.key(0) if key is None else key))
            module.eval() if key is None else module.train()
            return module(*inputs, **told(type(module).__call__, key))

        return Foreign(init, apply)

    return adapted(foreign, reads_latents, writes_latents)


def _streams(rest: PyTree, key: Key) -> PyTree:
    """Streams of random numbers at their start: a key for each, and counts of zero."""
    leaves, structure = jax.tree.flatten(rest)
    fresh = [
        jax.random.fold_in(key, index)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        else jnp.zeros(leaf.shape, leaf.dtype)
        for index, leaf in enumerate(leaves)
    ]
    return jax.tree.unflatten(structure, fresh)
