"""The networks of a model, put in their places: built, checked, told what is in use."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array

from vaejax.errors import NetworkError, VaejaxError
from vaejax.families import no_params
from vaejax.types import Family, Key, Net, NetBuilder, Number, Params, Shape


def active_latents(num: int, size: Number, unit_shape: Shape) -> Array:
    """`[num, *unit_shape]`, one for the first `size` latents and zero for the others."""
    rows = jnp.where(jnp.arange(num) < size, 1.0, 0.0)
    return jnp.broadcast_to(rows.reshape(num, *[1] * len(unit_shape)), (num, *unit_shape))


def maskable(nets: Mapping[str, Net], posterior: Family, prior: Family, latent_size: Number) -> bool:
    """Whether all can be masked. If not, a traced size raises jax's concretization error: a grid then knows that it
    takes a program for each."""
    can = {
        "encoder": nets["encoder"].outputs_maskable,
        "decoder": nets["decoder"].inputs_maskable,
        "prior_net": nets["prior_net"].outputs_maskable,
        "posterior": posterior.masked is not None,
        "prior": prior.masked is not None,
    }
    fixed = [name for name, maskable in can.items() if not maskable]
    if fixed and isinstance(latent_size, Tracer):
        raise jax.errors.ConcretizationTypeError(
            latent_size,
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
    """The network for an output of `shape`. Raises: VaejaxError where it is none."""
    if not callable(builder):
        raise VaejaxError(f"the {name} must be a function from the shape of its output to a Net, got {builder!r}")
    net = builder(shape)
    if not isinstance(net, Net):
        raise VaejaxError(
            f"the {name} must give a vj.Net of init and apply for an output of shape {shape}, got {net!r}"
        )
    return net


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
