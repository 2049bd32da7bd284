"""The networks of a work in plain linen with optax, and one training step: no part of this library."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from benchmarks.networks import first_parameters
from benchmarks.trees import unflattened
from benchmarks.ways.products import multiply_as
from benchmarks.work import Work

KERNEL, STRIDES = (4, 4), (2, 2)


class Encoder(nn.Module):
    """Images `[batch, size, size]` to means and log scales, `[batch, 2 * latent]`."""

    work: Work

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolutions where there are channels, dense layers, a linear one."""
        h = x[..., None]
        for index, channels in enumerate(self.work.channels):
            h = nn.relu(nn.Conv(channels, KERNEL, STRIDES, name=f"conv_{index}")(h))
        h = h.reshape(len(x), -1)
        for index, width in enumerate(self.work.hidden):
            h = nn.relu(nn.Dense(width, name=f"hidden_{index}")(h))
        return nn.Dense(2 * self.work.latent_size, name="output")(h)


class Decoder(nn.Module):
    """Latents to logits, `[batch, size, size]`."""

    work: Work

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """The encoder's mirror image."""
        size, channels, h = self.work.size, self.work.channels[::-1], z
        small = size // 2 ** len(channels)
        widths = [*self.work.hidden[::-1], *([small * small * channels[0]] if channels else [])]
        for index, width in enumerate(widths):
            h = nn.relu(nn.Dense(width, name=f"hidden_{index}")(h))
        if not channels:
            return nn.Dense(size * size, name="output")(h).reshape(-1, size, size)
        h = h.reshape(-1, small, small, channels[0])
        for index, width in enumerate(channels[1:]):
            h = nn.relu(nn.ConvTranspose(width, KERNEL, STRIDES, name=f"deconv_{index}")(h))
        return nn.ConvTranspose(1, KERNEL, STRIDES, name="output")(h)[..., 0]


class Linen(NamedTuple):
    """loss: `(params, x, noise) -> nats per example`, at z = mean + scale * noise. step: one of Adam.

    state: parameters and what Adam remembers of them, at the start.
    """

    loss: Callable[[Any, jax.Array, jax.Array], jax.Array]
    step: Callable[[Any, jax.Array, jax.Array], Any]
    state: Any


def linen_of(work: Work) -> Linen:
    """A work in linen. `step(state, key, x)` is not compiled yet."""
    multiply_as(work)
    encoder, decoder, optimizer = Encoder(work), Decoder(work), optax.adam(1e-3)
    like = jax.eval_shape(
        lambda key: {
            "encoder": encoder.init(key, jnp.zeros((1, work.size, work.size)))["params"],
            "decoder": decoder.init(key, jnp.zeros((1, work.latent_size)))["params"],
        },
        jax.random.key(0),
    )

    def loss(params: Any, x: jax.Array, noise: jax.Array) -> jax.Array:
        stats: Any = encoder.apply({"params": params["encoder"]}, x)
        mean, log_scale = jnp.split(stats, 2, axis=-1)
        logits: Any = decoder.apply({"params": params["decoder"]}, mean + jnp.exp(log_scale) * noise)
        distortion = jnp.sum(optax.sigmoid_binary_cross_entropy(logits, x), axis=(1, 2))
        rate = jnp.sum(0.5 * (jnp.exp(2 * log_scale) + mean**2 - 1) - log_scale, axis=-1)
        return jnp.mean(distortion + rate)

    def step(state: Any, key: jax.Array, x: jax.Array) -> Any:
        params, memory = state
        gradients = jax.grad(loss)(params, x, jax.random.normal(key, (len(x), work.latent_size)))
        updates, memory = optimizer.update(gradients, memory, params)
        return optax.apply_updates(params, updates), memory

    params = unflattened(first_parameters(work), like)
    return Linen(loss, step, (params, optimizer.init(params)))


def held_loss(linen: Linen, work: Work, held: jax.Array) -> Callable[[Any], float]:
    """`state -> nats per example` of held images, at z = the mean of q."""
    compiled = jax.jit(lambda params: linen.loss(params, held, jnp.zeros((len(held), work.latent_size))))
    return lambda state: float(compiled(state[0]))
