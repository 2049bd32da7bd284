from collections.abc import Callable
from typing import Any

from jaxtyping import PyTree

from vaejax.errors import NetworkError
from vaejax.nets._foreign import Foreign, Laws, adapted, refuse_state, told
from vaejax.types import Key, NetBuilder, Params, Shape


def from_linen(
    build: Callable[[Shape], Any], *, reads_latents: Laws | None = None, writes_latents: Laws | None = None
) -> NetBuilder:
    """Modules of flax.linen, `build(shape)` for an output of `shape`, as a network.

    A module is called on one example, with the inputs there are: an encoder's are x, or x and context; a decoder's z,
    or context and z. It gives `[num_stats, *event]`, a tuple of num_stats arrays, or a flat array in which the stats
    of an entry are neighbours: the mean of a latent beside its log scale. Where `__call__` has an argument
    `deterministic`, `train`, `training` or `inference`, it is told; in training the example's key is `rngs["dropout"]`.

    For masked latents, say the law of the leaves next to them: `reads_latents={"Dense_0/kernel":
    vj.nets.lecun_normal()}` in a decoder, `writes_latents` in an encoder. They are drawn by that law, in place of the
    module's own initialiser, at the number of latents in use, and all others by the module; leaves at zero need none.
    What was said is checked on a network with one latent less. With nothing said, a model is built at its true size,
    and a grid compiles a program for each.

    Raises: NetworkError for another output or for state like running statistics; VaejaxError for leaves without a law.

    >>> import jax, jax.numpy as jnp, vaejax as vj
    >>> from flax import linen as nn
    >>> decoder = from_linen(lambda shape: nn.Dense(shape[1]), reads_latents={"kernel": vj.nets.lecun_normal()})
    >>> params = decoder((1, 4)).init(jax.random.key(0), (None, jnp.array([1.0, 0.0])), jnp.ones((1, 4)))
    >>> params["kernel"][1].tolist()
    [0.0, 0.0, 0.0, 0.0]
    """

    def foreign(shape: Shape) -> Foreign:
        from flax import linen as nn

        module = build(shape)
        if not isinstance(module, nn.Module):
            raise NetworkError(f"expected a flax.linen module for an output of shape {shape}, got {module!r}")

        def init(key: Key, inputs: tuple[PyTree, ...]) -> Params:
            variables = module.init(key, *inputs, **told(type(module).__call__, None))
            refuse_state(set(variables) - {"params"})
            return variables.get("params", {})

        def apply(params: Params, inputs: tuple[PyTree, ...], key: Key | None) -> Any:
            rngs = None if key is None else {"dropout": key}
            return module.apply({"params": params}, *inputs, rngs=rngs, **told(type(module).__call__, key))

        return Foreign(init, apply)

    return adapted(foreign, reads_latents, writes_latents)
