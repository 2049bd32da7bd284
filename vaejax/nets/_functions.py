from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import PyTree

from vaejax.nets._foreign import Foreign, Laws, adapted, told
from vaejax.nets._named import filled, named
from vaejax.types import Key, NetBuilder, Params, Shape


def from_functions(
    init: Callable[..., PyTree],
    apply: Callable[..., Any],
    *,
    reads_latents: Laws | None = None,
    writes_latents: Laws | None = None,
) -> NetBuilder:
    """`init(key, shape, *inputs)`, any tree of arrays, and `apply(params, *inputs)`, as a network.

    `shape` is that of the output, and `inputs` in `init` are arrays that show shapes. Where `apply` has an argument
    `key`, it gets the example's, `None` in evaluation. All else is as in `from_linen`; a list in the parameters counts
    from "0", and an array that is all of them is "array".

    >>> import jax.numpy as jnp
    >>> def init(key, shape, z):
    ...     return jax.random.normal(key, (len(z), shape[1])) / jnp.sqrt(len(z))
    >>> decoder = from_functions(init, lambda w, z: z @ w)
    >>> params = decoder((1, 4)).init(jax.random.key(0), (None, jnp.ones(2)), jnp.ones((1, 4)))
    >>> decoder((1, 4)).apply(params, (None, jnp.ones(2)), None).shape
    (1, 4)
    """

    def foreign(shape: Shape) -> Foreign:
        def init_named(key: Key, inputs: tuple[PyTree, ...]) -> Params:
            return named(init(key, shape, *inputs))

        def apply_named(params: Params, inputs: tuple[PyTree, ...], key: Key | None) -> Any:
            like = jax.eval_shape(lambda: init(jax.random.key(0), shape, *inputs))
            return apply(filled(like, params), *inputs, **told(apply, key))

        return Foreign(init_named, apply_named)

    return adapted(foreign, reads_latents, writes_latents)
