"""Between two digits: lines, great circles, paths that follow density and geodesics, and what they pass on the way."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy import stats

import vaejax as vj
from vaejax import latent
from vaejax.types import VAE, Example, Params, Trainer

LATENTS, NUM, BANDWIDTH = 8, 9, 0.4
OUT = Path("runs/interpolation")
data = vj.data.digits()


def member() -> Trainer:
    """A dense VAE of 17 grey levels."""
    net = vj.nets.mlp(128)
    model = vj.vae(net, net, data_shape=data.data_shape, latent_size=LATENTS, likelihood=data.likelihood)
    return vj.trainer(model, vj.objectives.elbo(), optax.adam(optax.cosine_decay_schedule(3e-3, 200 * 10)))


def pairs(num: int, seed: int = 0) -> np.ndarray:
    """Indices `[num, 2]` of test digits of different classes."""
    drawn = np.random.default_rng(seed).integers(0, len(data.test), (10 * num, 2))
    labels = data.labels["test"]
    return drawn[labels[drawn[:, 0]] != labels[drawn[:, 1]]][:num]


def paths(model: VAE, params: Params, codes: jax.Array) -> dict[str, latent.Path]:
    """Those that are compared. codes: of the training digits; a kernel density of them is their aggregate posterior."""

    def prior(z: jax.Array) -> jax.Array:
        return jnp.sum(model.log_prior(params, z, Example(jnp.zeros(model.data_shape))))

    def aggregate(z: jax.Array) -> jax.Array:
        return jax.nn.logsumexp(-0.5 * jnp.sum(jnp.square((codes - z[None]) / BANDWIDTH), axis=1))

    return {
        "linear": latent.linear,
        "spherical": latent.spherical,
        "follows the prior": latent.density_following(prior, 0.2),
        "follows the codes": latent.density_following(aggregate, 0.2),
        "geodesic": latent.geodesic(partial(vj.decode, model, params)),
    }


def plausible(train: jax.Array, probe: Any) -> Callable[..., dict[str, jax.Array]]:
    """Of one path: lengths, and means over what lies strictly between its ends."""

    def of(key: Any, model: VAE, params: Params, path: latent.Path, z0: jax.Array, z1: jax.Array) -> dict[str, Any]:
        decode = partial(vj.decode, model, params)
        fine = path(z0, z1, 65)
        between = jax.vmap(decode)(path(z0, z1, NUM))[1:-1]
        squared = jnp.sum(jnp.square(between[:, None] - train[None]), axis=(2, 3))
        confidence = jax.nn.softmax(between.reshape(len(between), -1) @ probe.weights + probe.bias[None])
        levels = jnp.round(between * 16) / 16  # the values that p(x|z) is a distribution on
        log_p = jax.vmap(lambda key, x: vj.metrics.importance(key, model, params, Example(x), 64).log_likelihood)
        return {
            "length in z": latent.length(fine),
            "length in x": latent.length(jax.vmap(decode)(fine)),
            "to a training digit": jnp.mean(jnp.sqrt(jnp.min(squared, axis=1))),
            "confidence": jnp.mean(jnp.max(confidence, axis=1)),
            "log p(x)": jnp.mean(log_p(jax.random.split(key, len(between)), levels)),
        }

    return of


def compared(model: VAE, stacked: Params, num_pairs: int) -> dict[str, dict[str, np.ndarray]]:
    """`[seed, pair]` of each measure, by path."""
    train, test = (jnp.asarray(vj.examples_in(data, split).x) for split in ("train", "test"))
    labels = jnp.asarray(data.labels["train"])
    flat = train.reshape(len(train), -1)
    measured = plausible(train, jax.jit(vj.metrics.linear_probe, static_argnums=4)(flat, labels, flat, labels, 10))
    ends = jnp.asarray(pairs(num_pairs))

    def of_seed(name: str, params: Params) -> dict[str, jax.Array]:
        codes = jax.vmap(partial(vj.encode, model, params))(train)
        path = paths(model, params, codes)[name]

        def of_pair(pair: jax.Array) -> dict[str, jax.Array]:
            z0, z1 = (vj.encode(model, params, test[at]) for at in pair)
            return measured(jax.random.key(0), model, params, path, z0, z1)

        return jax.lax.map(of_pair, ends, batch_size=10)

    names = paths(model, stacked, jnp.zeros((1, LATENTS)))
    return {
        name: jax.tree.map(
            np.asarray, jax.jit(lambda stacked, name=name: jax.lax.map(partial(of_seed, name), stacked))(stacked)
        )
        for name in names
    }


def interval(by_seed: np.ndarray) -> str:
    """Mean and half of the 95% interval over seeds."""
    half = stats.t.ppf(0.975, len(by_seed) - 1) * by_seed.std(ddof=1) / np.sqrt(len(by_seed))
    return f"{by_seed.mean():8.3f} +-{half:6.3f}"


def show(found: dict[str, dict[str, np.ndarray]]) -> None:
    """Each measure by path, and less that of the line, pair by pair."""
    for measure in found["linear"]:
        print(f"\n{measure:22}{'':18} less that of the line")
        for name, values in found.items():
            apart = values[measure] - found["linear"][measure]
            beside = "" if name == "linear" else interval(apart.mean(1))
            print(f"{name:22}{interval(values[measure].mean(1))}  {beside}")


def picture(model: VAE, params: Params) -> None:
    """One pair in a few rows."""
    import matplotlib.pyplot as plt

    train, test = (jnp.asarray(vj.examples_in(data, split).x) for split in ("train", "test"))
    codes = jax.vmap(partial(vj.encode, model, params))(train)
    lines = paths(model, params, codes)
    chosen = pairs(2)
    figure, axes = plt.subplots(len(lines) * len(chosen), NUM, figsize=(NUM, len(lines) * len(chosen)))
    rows = iter(axes)
    for first, last in chosen:
        for name, path in lines.items():
            row = next(rows)
            images = jax.jit(partial(latent.interpolate, model, path=path, num=NUM))(params, test[first], test[last])
            for axis, image in zip(row, images, strict=True):
                axis.imshow(image, cmap="gray", vmin=0, vmax=1)
                axis.set_xticks([])
                axis.set_yticks([])
            row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    figure.tight_layout()
    OUT.mkdir(parents=True, exist_ok=True)
    figure.savefig(OUT / "paths.png", dpi=120)
    plt.close(figure)


def main(epochs: int = 200, num_pairs: int = 100, num_seeds: int = 5) -> dict[str, dict[str, np.ndarray]]:
    """Train, go from digit to digit, and print what lies between."""
    result = vj.sweep(member, data, seed=range(num_seeds), epochs=epochs, num_samples=16)
    model, stacked = vj.ensemble(result)
    found = compared(model, stacked, num_pairs)
    show(found)
    picture(model, jax.tree.map(lambda leaf: leaf[0], stacked))
    return found


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=200)
    arguments.add_argument("--pairs", type=int, default=100)
    arguments.add_argument("--seeds", type=int, default=5)
    asked = arguments.parse_args()
    main(asked.epochs, asked.pairs, asked.seeds)
