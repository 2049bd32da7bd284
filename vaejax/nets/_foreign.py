"""Somebody else's network as a `Net`: how it is called, what it may give, and what it says about latents."""

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, PyTree

from vaejax.errors import NetworkError, VaejaxError
from vaejax.nets._latents import Latents, starting
from vaejax.nets._laws import Law
from vaejax.types import Key, Net, NetBuilder, Params, Shape

Laws = Mapping[str, Law]


class Foreign(NamedTuple):
    """A network in the words of its library, for an output of one shape.

    init: `(key, inputs)`, nested dicts with strings for keys. apply: `(params, inputs, key)`, whatever it gives.
    `inputs` are a tuple.
    """

    init: Callable[[Key, tuple[PyTree, ...]], Params]
    apply: Callable[[Params, tuple[PyTree, ...], Key | None], Any]


def adapted(foreign: Callable[[Shape], Foreign], reads_latents: Laws | None, writes_latents: Laws | None) -> NetBuilder:
    """The builder of a `Net` from networks of a library, one for each shape of output."""
    if reads_latents is not None and writes_latents is not None:
        raise VaejaxError("a decoder reads latents and an encoder writes them: give reads_latents or writes_latents")
    reads, writes = reads_latents is not None, writes_latents is not None

    @functools.cache
    def plain(out_shape: Shape) -> Net:
        network = foreign(out_shape)

        def init(key: Key, inputs: PyTree, outputs: Array) -> Params:
            return network.init(key, _given(inputs))

        def apply(params: Params, inputs: PyTree, key: Key | None) -> Array:
            return _arranged(network.apply(params, _given(inputs), key), out_shape)

        return Net(init, apply, inputs_maskable=reads, outputs_maskable=writes)

    laws = reads_latents if reads else writes_latents
    return plain if laws is None else starting(plain, Latents(dict(laws), writes))


def refuse_state(kept: Iterable[str]) -> None:
    """Raises: NetworkError where a network keeps anything but parameters, which is named in `kept`."""
    if kept := sorted(kept):
        raise NetworkError(
            f"a network is a function of its parameters, this one keeps {', '.join(kept)}: replace layers with running "
            "statistics, like BatchNorm, by GroupNorm or LayerNorm"
        )


def told(call: Callable[..., Any], key: Key | None) -> dict[str, Any]:
    """Whether it is training, for those names among the arguments of `call` that mean it, and the key for "key".

    >>> told(lambda x, deterministic: x, None), told(lambda x, train: x, None), told(lambda x: x, None)
    ({'deterministic': True}, {'train': False}, {})
    """
    training = key is not None
    meant = {
        "deterministic": not training,
        "inference": not training,
        "train": training,
        "training": training,
        "key": key,
    }
    arguments = inspect.signature(call).parameters
    return {name: value for name, value in meant.items() if name in arguments}


def _given(inputs: PyTree) -> tuple[PyTree, ...]:
    """The inputs there are, in order."""
    return tuple(one for one in inputs if one is not None) if isinstance(inputs, tuple) else (inputs,)


def _arranged(output: Any, shape: Shape) -> Array:
    """What a network gives as `[num_stats, *event]`. Only forms that read the same at any number of latents."""
    num_stats, *event = shape
    found = [jnp.shape(one) for one in output] if isinstance(output, tuple | list) else jnp.shape(output)
    if found == [tuple(event)] * num_stats:
        return jnp.stack(output)
    if found == shape:
        return output
    if found == tuple(event) and num_stats == 1:
        return output[None]
    if found == (math.prod(shape),):
        return jnp.moveaxis(output.reshape(*event, num_stats), -1, 0)
    raise NetworkError(
        f"a network must give an array of shape {shape} (num_stats, *event), a tuple of {num_stats} arrays of shape "
        f"{tuple(event)}, or a flat array of {math.prod(shape)} in which the stats of an entry are neighbours; "
        f"it gives {found}"
    )
