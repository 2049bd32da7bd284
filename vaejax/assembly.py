"""The networks of a model, put in their places: built, checked, told what is in use."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array

from vaejax.errors import NetworkError, VaejaxError
from vaejax.families import no_params
from vaejax.numerics import concrete, require_count
from vaejax.types import Example, Family, Key, Net, NetBuilder, Number, Params, Shape


def active_latents(num: int, size: Number, unit_shape: Shape) -> Array:
    """`[num, *unit_shape]`, one for the first `size` latents and zero for the others."""
    rows = jnp.where(jnp.arange(num) < size, 1.0, 0.0)
    return jnp.broadcast_to(rows.reshape(num, *[1] * len(unit_shape)), (num, *unit_shape))


def widest_of(sizes: Sequence[Number], max_latent_size: Number | None) -> tuple[int, bool]:
    """How many latents the arrays have, and whether some of them may be out of use in all of these sizes."""
    known = [
        require_count("latent_size", size) for size in sizes if max_latent_size is None or concrete(size) is not None
    ]
    if max_latent_size is None:
        return max(known), False
    widest = require_count("max_latent_size", max_latent_size)
    if max(known, default=0) > widest:
        raise VaejaxError(f"latent_size must be at most max_latent_size={widest}, got {max(known)}")
    return widest, len(known) < len(sizes) or max(known) < widest


def maskable(can: Mapping[str, bool], *sizes: Number) -> bool:
    """Whether all parts of a model can be masked, where each says if it can. If not, a traced size raises jax's
    concretization error: a grid then knows that it takes a program for each."""
    fixed = [name for name, maskable in can.items() if not maskable]
    traced = next((size for size in sizes if isinstance(size, Tracer)), None)
    if fixed and traced is not None:
        raise jax.errors.ConcretizationTypeError(
            traced,
            f"The {' and the '.join(fixed)} cannot be masked, so latent_size must be a Python number: one program for "
            "each. An adapter can be masked when its leaves next to the latents are named with the law by which they "
            "start (writes_latents in an encoder, reads_latents in a decoder).",
        )
    return not fixed


def prior_stats_net(prior: Family, prior_net: NetBuilder | None) -> NetBuilder:
    """The network that tells the stats of p(z|context); where there are none, nothing does."""
    if (prior_net is None) == (prior.num_stats > 0):
        raise VaejaxError(
            f"the prior {prior.name} has {prior.num_stats} rows of stats: "
            + (
                "give prior_net, which tells them from the context, like vj.nets.mlp(64)"
                if prior.num_stats
                else "prior_net is for a prior that has some, like vj.posteriors.normal()"
            )
        )
    return prior_net or (lambda shape: Net(no_params, lambda params, inputs, key: jnp.zeros(shape)))


def built(name: str, builder: NetBuilder, shape: Shape) -> Net:
    """The network for an output of `shape`, under its name in a profile. Raises: VaejaxError where it is none."""
    if not callable(builder):
        raise VaejaxError(f"the {name} must be a function from the shape of its output to a Net, got {builder!r}")
    net = builder(shape)
    if not isinstance(net, Net):
        raise VaejaxError(
            f"the {name} must give a vj.Net of init and apply for an output of shape {shape}, got {net!r}"
        )
    return net._replace(apply=jax.named_scope(name)(net.apply))


def context_of(batch: Example, data_shape: Shape) -> Any:
    """Ones that look like the context of an example, so that nothing of it counts as out of use.

    Raises: VaejaxError where the batch is none of such examples.
    """
    if batch.x.shape[1:] != data_shape or not batch.x.shape:
        raise VaejaxError(f"expected a batch of examples of shape {data_shape}, got an array of shape {batch.x.shape}")
    return jax.tree.map(lambda leaf: jnp.ones_like(leaf[0]), batch.context)


def first_params(name: str, net: Net, key: Key, inputs: Any, outputs: Array) -> Params:
    """The parameters that a network starts from. Raises: VaejaxError where it sees nothing; NetworkError where its
    output is another."""
    if outputs.size and not jax.tree.leaves(inputs):
        raise VaejaxError(f"the {name} sees the context of an example and there is none: give vj.Example(x, context)")
    params = net.init(key, inputs, outputs)
    found = jax.eval_shape(lambda params: net.apply(params, inputs, None), params).shape
    if found != outputs.shape:
        raise NetworkError(
            f"the {name} must give an array of shape {outputs.shape} (num_stats, *event), it gives {found}"
        )
    return params
