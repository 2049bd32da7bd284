"""Between two digits: lines, great circles, paths that follow density and geodesics, and what they pass on the way.

    python experiments/digits_interpolation.py

Dense nets of 128, 8 latents, 150 epochs, five seeds; 60 pairs of test digits of different classes. It computes for
2 min 20 s, and took 14 minutes on two cores that many shared. The picture is runs/interpolation/paths.png.

What a path passes strictly between its ends: the mean over pairs and seeds for the line, for the others the difference
to it, with half of its 95% interval over seeds. Lengths are Euclidean, pixels from 0 to 1; the classifier is a logistic
regression on pixels; log p(x) is of the picture rounded to 17 levels, from 64 draws, nats.

                    length in z    length in x   to a training digit    confidence         log p(x)
linear                 4.541          3.543            1.109               0.778            -77.0
spherical            +0.590 (.019)  +0.455 (.015)   +0.010 (.004)      +0.006 (.004)     +6.1 (0.5)
follows the prior    +0.293 (.015)  -0.044 (.024)   -0.007 (.004)      +0.022 (.006)     -4.6 (0.3)
follows the codes    +0.698 (.034)  +0.632 (.034)   -0.105 (.016)      +0.019 (.007)     +2.6 (0.4)
geodesic             +0.243 (.008)  -0.200 (.009)   +0.056 (.007)      -0.046 (.003)     -5.3 (0.8)

The geodesic is shortest in x, as it must be, and what it passes is the least plausible: the mean of p(x|z) is as sure
of itself in a hole as elsewhere, and there length is saved. Arvanitidis et al. (2018), arXiv:1710.11379, add the scale
of p(x|z) against it, which a binomial has not. The density of the codes leads nearest to real digits.
"""

import argparse
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

LATENTS, BANDWIDTH = 8, 0.4
NUM, FINE = 9, 65  # points that are shown, and that lengths are taken of
OUT = Path("runs/interpolation")
data = vj.data.digits()


def member() -> Trainer:
    """A dense VAE of 17 grey levels."""
    net = vj.nets.mlp(128)
    model = vj.vae(net, net, data_shape=data.data_shape, latent_size=LATENTS, likelihood=data.likelihood)
    return vj.trainer(model, vj.objectives.elbo(), optax.adam(optax.cosine_decay_schedule(3e-3, 1500)))


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


def gone(stacked: Params, model: VAE, name: str, train: jax.Array, ends: jax.Array) -> jax.Array:
    """The points of one path, `[seed, pair, FINE, latent]`, between the codes of `ends`, `[pair, 2, *event]`."""

    def of_seed(params: Params) -> jax.Array:
        encode = jax.vmap(partial(vj.encode, model, params))
        path = paths(model, params, encode(train))[name]

        def of_pair(pair: jax.Array) -> jax.Array:
            z0, z1 = encode(pair)
            return path(z0, z1, FINE)

        return jax.lax.map(of_pair, ends, batch_size=10)

    return jax.lax.map(of_seed, stacked)


def met(params: Params, model: VAE, fine: jax.Array, train: jax.Array, probe: Any) -> dict[str, jax.Array]:
    """Of one path `[FINE, latent]`: its lengths, and means over what lies strictly between its ends."""
    decoded = jax.vmap(partial(vj.decode, model, params))(fine)
    between = decoded[:: FINE // (NUM - 1)][1:-1]
    squared = jnp.sum(jnp.square(between[:, None] - train[None]), axis=(2, 3))
    sure = jax.nn.softmax(between.reshape(len(between), -1) @ probe.weights + probe.bias[None])

    def log_p(x: jax.Array) -> jax.Array:
        levels = jnp.round(x * 16) / 16  # the values that p(x|z) is a distribution on
        return vj.metrics.importance(jax.random.key(0), model, params, Example(levels), 64).log_likelihood

    return {
        "length in z": latent.length(fine),
        "length in x": latent.length(decoded),
        "to a training digit": jnp.mean(jnp.sqrt(jnp.min(squared, axis=1))),
        "confidence": jnp.mean(jnp.max(sure, axis=1)),
        "log p(x)": jnp.mean(jax.vmap(log_p)(between)),
    }


def compared(model: VAE, stacked: Params, num_pairs: int) -> dict[str, dict[str, np.ndarray]]:
    """`[seed, pair]` of each measure, by path."""
    train, test = (jnp.asarray(vj.examples_in(data, split).x) for split in ("train", "test"))
    labels, flat = jnp.asarray(data.labels["train"]), train.reshape(len(train), -1)
    probe = jax.jit(vj.metrics.linear_probe, static_argnums=4)(flat, labels, flat, labels, 10)
    ends = test[jnp.asarray(pairs(num_pairs))]

    @jax.jit
    def measured(stacked: Params, points: jax.Array) -> dict[str, jax.Array]:
        def of_seed(both: Any) -> dict[str, jax.Array]:
            params, some = both
            return jax.lax.map(lambda fine: met(params, model, fine, train, probe), some, batch_size=10)

        return jax.lax.map(of_seed, (stacked, points))

    found = {}
    for name in paths(model, stacked, jnp.zeros((1, LATENTS))):
        points = jax.jit(gone, static_argnums=(1, 2))(stacked, model, name, train, ends)
        found[name] = jax.tree.map(np.asarray, measured(stacked, points))
        print(f"{name} is measured", flush=True)
    return found


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
            images = latent.interpolate(
                model, params, test[first], test[last], path=jax.jit(path, static_argnums=2), num=NUM
            )
            for axis, image in zip(row, images, strict=True):
                axis.imshow(image, cmap="gray", vmin=0, vmax=1)
                axis.set_xticks([])
                axis.set_yticks([])
            row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    figure.tight_layout()
    OUT.mkdir(parents=True, exist_ok=True)
    figure.savefig(OUT / "paths.png", dpi=120)
    plt.close(figure)


def main(epochs: int = 150, num_pairs: int = 60, num_seeds: int = 5) -> dict[str, dict[str, np.ndarray]]:
    """Train, go from digit to digit, and print what lies between."""
    result = vj.sweep(member, data, seed=range(num_seeds), epochs=epochs, num_samples=16)
    model, stacked = vj.ensemble(result)
    found = compared(model, stacked, num_pairs)
    show(found)
    picture(model, jax.tree.map(lambda leaf: leaf[0], stacked))
    return found


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=150)
    arguments.add_argument("--pairs", type=int, default=60)
    arguments.add_argument("--seeds", type=int, default=5)
    asked = arguments.parse_args()
    main(asked.epochs, asked.pairs, asked.seeds)
