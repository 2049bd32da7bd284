from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from vaejax.errors import NetworkError
from vaejax.nets._foreign import Foreign, Laws, adapted, refuse_state, told
from vaejax.nets._named import filled, named
from vaejax.types import Key, NetBuilder, Params, Shape


def from_equinox(
    build: Callable[..., Any], *, reads_latents: Laws | None = None, writes_latents: Laws | None = None
) -> NetBuilder:
    """Modules of Equinox, `build(key, shape, *inputs)` for an output of `shape`, as a network.

    `inputs` are arrays that show the shapes of what the module will be called on. Parameters are the floating arrays, a
    list counting from "0". `inference_mode` holds in evaluation; a `__call__` with an argument `key` gets the
    example's, `None` in evaluation. All else is as in `from_linen`. An `equinox.nn.Linear` starts its bias by its
    fan-in too, so both leaves of a layer next to the latents need `vj.nets.fan_in_uniform()`.

    >>> import equinox as eqx, vaejax as vj
    >>> decoder = from_equinox(lambda key, shape, z: eqx.nn.Linear(len(z), shape[1], key=key))
    >>> params = decoder((1, 4)).init(jax.random.key(0), (None, jnp.ones(2)), jnp.ones((1, 4)))
    >>> decoder((1, 4)).apply(params, (None, jnp.ones(2)), None).shape
    (1, 4)
    """

    def foreign(shape: Shape) -> Foreign:
        import equinox as eqx

        def made(key: Key, inputs: tuple[PyTree, ...]) -> Any:
            module = build(key, shape, *inputs)
            found = jax.tree.leaves(module, is_leaf=lambda node: isinstance(node, eqx.nn.State | eqx.nn.StateIndex))
            if any(isinstance(node, eqx.nn.State | eqx.nn.StateIndex) for node in found):
                refuse_state(["an equinox.nn.State"])
            if not isinstance(module, eqx.Module):
                raise NetworkError(f"expected an equinox module for an output of shape {shape}, got {module!r}")
            return module

        def init(key: Key, inputs: tuple[PyTree, ...]) -> Params:
            return named(eqx.filter(made(key, inputs), eqx.is_inexact_array))

        def apply(params: Params, inputs: tuple[PyTree, ...], key: Key | None) -> Any:
            abstract = eqx.filter_eval_shape(made, jax.random.key(0), inputs)
            arrays, static = eqx.partition(abstract, _is_shown)
            module = eqx.combine(filled(arrays, params), eqx.nn.inference_mode(static, value=key is None))
            return module(*inputs, **told(type(module).__call__, key))

        return Foreign(init, apply)

    return adapted(foreign, reads_latents, writes_latents)


def _is_shown(leaf: Any) -> bool:
    """Whether it stands for a parameter. Raises: NetworkError for an array that is not floating and so is none."""
    if not isinstance(leaf, jax.ShapeDtypeStruct):
        return False
    if not jnp.issubdtype(leaf.dtype, jnp.inexact):
        raise NetworkError(f"parameters are floating arrays, got one of {leaf.dtype}: keep it as a NumPy array")
    return True
