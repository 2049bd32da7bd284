"""One encoder and decoder written for linen, NNX, Equinox and as plain functions, each trained in one masked grid.

    python experiments/own_networks.py

About four minutes on two cores that others were using too. Four programs train 24 members, three latent sizes and two
seeds for each network. The bound on test is about -171, -134 and -114 nats per image with 2, 4 and 8 latents; networks
differ by up to 4, as their initial weights and dropout do.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from flax import nnx

import vaejax as vj
from vaejax.types import NetBuilder

HIDDEN, DROPOUT = 64, 0.1
LATENT_SIZES = [2, 4, 8]
data = vj.data.digits()


class LinenNet(nn.Module):
    """One hidden layer, and a flat output."""

    num_outputs: int

    @nn.compact
    def __call__(self, x: jax.Array, deterministic: bool) -> jax.Array:
        """Of one example."""
        h = nn.relu(nn.Dense(HIDDEN)(x.ravel()))
        return nn.Dense(self.num_outputs)(nn.Dropout(DROPOUT)(h, deterministic=deterministic))


class NnxNet(nnx.Module):
    """One hidden layer, and a flat output."""

    def __init__(self, rngs: nnx.Rngs, num_inputs: int, num_outputs: int) -> None:
        self.first = nnx.Linear(num_inputs, HIDDEN, rngs=rngs)
        self.drop = nnx.Dropout(DROPOUT, rngs=rngs)
        self.last = nnx.Linear(HIDDEN, num_outputs, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Of one example."""
        return self.last(self.drop(nnx.relu(self.first(x.ravel()))))


class EquinoxNet(eqx.Module):
    """One hidden layer, and a flat output."""

    first: eqx.nn.Linear
    drop: eqx.nn.Dropout
    last: eqx.nn.Linear

    def __init__(self, key: jax.Array, num_inputs: int, num_outputs: int) -> None:
        first_key, last_key = jax.random.split(key)
        self.first = eqx.nn.Linear(num_inputs, HIDDEN, key=first_key)
        self.drop = eqx.nn.Dropout(DROPOUT)
        self.last = eqx.nn.Linear(HIDDEN, num_outputs, key=last_key)

    def __call__(self, x: jax.Array, key: jax.Array | None) -> jax.Array:
        """Of one example."""
        return self.last(self.drop(jax.nn.relu(self.first(x.ravel())), key=key))


def init(key: jax.Array, shape: tuple[int, ...], x: jax.Array) -> dict[str, jax.Array]:
    """Weights of variance 1 / fan-in."""
    first_key, last_key = jax.random.split(key)
    return {
        "first": jax.random.normal(first_key, (x.size, HIDDEN)) / np.sqrt(x.size),
        "bias": jnp.zeros(HIDDEN),
        "last": jax.random.normal(last_key, (HIDDEN, int(np.prod(shape)))) / np.sqrt(HIDDEN),
        "last_bias": jnp.zeros(int(np.prod(shape))),
    }


def apply(params: dict[str, jax.Array], x: jax.Array, key: jax.Array | None) -> jax.Array:
    """Of one example."""
    h = jax.nn.relu(x.ravel() @ params["first"] + params["bias"])
    if key is not None:
        h = jnp.where(jax.random.bernoulli(key, 1 - DROPOUT, h.shape), h / (1 - DROPOUT), 0.0)
    return h @ params["last"] + params["last_bias"]


def networks() -> dict[str, tuple[NetBuilder, NetBuilder]]:
    """Encoder and decoder by library: how to build them, and the law of the layer next to the latents."""
    lecun, linear = vj.nets.lecun_normal(), vj.nets.fan_in_uniform()
    gaussian = vj.nets.Law(jax.random.normal, lambda fan_in, fan_out: 1 / jnp.sqrt(fan_in))

    def of_linen(shape: tuple[int, ...]) -> nn.Module:
        return LinenNet(int(np.prod(shape)))

    def of_nnx(rngs: nnx.Rngs, shape: tuple[int, ...], x: jax.Array) -> nnx.Module:
        return NnxNet(rngs, x.size, int(np.prod(shape)))

    def of_equinox(key: jax.Array, shape: tuple[int, ...], x: jax.Array) -> eqx.Module:
        return EquinoxNet(key, x.size, int(np.prod(shape)))

    return {
        "linen": (
            vj.nets.from_linen(of_linen, writes_latents={"Dense_1/kernel": lecun}),
            vj.nets.from_linen(of_linen, reads_latents={"Dense_0/kernel": lecun}),
        ),
        "nnx": (
            vj.nets.from_nnx(of_nnx, writes_latents={"last/kernel": lecun}),
            vj.nets.from_nnx(of_nnx, reads_latents={"first/kernel": lecun}),
        ),
        "equinox": (
            vj.nets.from_equinox(of_equinox, writes_latents={"last/weight": linear, "last/bias": linear}),
            vj.nets.from_equinox(of_equinox, reads_latents={"first/weight": linear, "first/bias": linear}),
        ),
        "functions": (
            vj.nets.from_functions(init, apply, writes_latents={"last": gaussian}),
            vj.nets.from_functions(init, apply, reads_latents={"first": gaussian}),
        ),
    }


def main(epochs: int = 100) -> Any:
    """The table of a sweep over networks, latent sizes and seeds."""

    def member(nets: tuple[NetBuilder, NetBuilder], latent_size: Any) -> Any:
        model = vj.vae(
            *nets,
            data_shape=data.data_shape,
            latent_size=latent_size,
            max_latent_size=max(LATENT_SIZES),
            likelihood=data.likelihood,
        )
        return vj.trainer(model, vj.objectives.elbo(), optax.adam(3e-3))

    return vj.sweep(member, data, nets=networks(), latent_size=LATENT_SIZES, seed=[0, 1], epochs=epochs).dataset


if __name__ == "__main__":
    table = main()
    print(f"{table.attrs['num_programs']} programs for {table.elbo.size} members; test bound, nats per image:")
    for name in table.nets.values:
        means = table.elbo.sel(nets=name).mean("seed").values
        bounds = ", ".join(f"{bound:.2f}" for bound in means)
        print(f"{name:>10} with {LATENT_SIZES} latents: {bounds}")
