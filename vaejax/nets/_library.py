from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from vaejax.errors import NetworkError
from vaejax.nets._mlp import mlp
from vaejax.types import Key, Net, NetBuilder, Params, Shape


def _itself(context: PyTree) -> Any:
    return context


def _nothing(context: PyTree) -> Any:
    return None


def library_sized(
    builder: NetBuilder | None = None,
    *,
    size: Callable[[PyTree], Any] = _itself,
    seen: Callable[[PyTree], Any] = _nothing,
    log_share: Callable[[Array], Array] = jax.nn.log_softmax,
) -> NetBuilder:
    """A decoder of counts whose means are shares of each example's total: log mean = log size + log softmax(row 0).

    For `likelihoods.poisson` and the negative binomials, whose first row is the log mean; the other rows stay as they
    are. The latents then explain what an example is made of and not how deeply it was counted.
    Lopez et al. (2018), doi:10.1038/s41592-018-0229-2 (scVI, with the observed library size).

    builder: `mlp()`. size: the total count of an example (a batch of them is `[batch]`), of its context; by default
    the context is it. A total below 1 counts as 1. seen: what of the context the network within sees; by default
    nothing. log_share: of the row as a vector; the shares sum to one. `lambda row: row` makes `size` an exposure: the
    time or the area that an example was counted for.
    Raises: NetworkError where the context gives no such number.

    >>> net = library_sized(mlp(16))((1, 4))
    >>> inputs = (jnp.array(100.0), jnp.ones(5))  # a context and z
    >>> params = net.init(jax.random.key(0), inputs, jnp.ones((1, 4)))
    >>> jnp.exp(net.apply(params, inputs, None)).sum().round().item()
    100.0
    """
    builder = builder or mlp()

    def build(shape: Shape) -> Net:
        net = builder(shape)

        def init(key: Key, inputs: PyTree, outputs: Array) -> Params:
            context, z = inputs
            return net.init(key, (seen(context), z), outputs)

        def apply(params: Params, inputs: PyTree, key: Key | None) -> Array:
            context, z = inputs
            stats = net.apply(params, (seen(context), z), key)
            shares = log_share(jnp.ravel(stats[0])).reshape(stats.shape[1:])
            return stats.at[0].set(jnp.log(jnp.maximum(_total(size(context)), 1)).astype(stats.dtype) + shares)

        return net._replace(init=init, apply=apply)

    return build


def _total(size: Any) -> Array:
    if not isinstance(size, jax.Array) or size.shape != ():
        got = f"an array of shape {size.shape}" if isinstance(size, jax.Array) else repr(size)
        raise NetworkError(
            f"library_sized needs the total count of an example, one number, and got {got}: give it as the context, "
            "vj.Example(x, context=x.sum(1)), or say by `size` where in the context it is"
        )
    return size
