"""Is a source worth it on Fashion-MNIST? Five classes for the other five, and digits for all of them.

    python experiments/fashion_mnist_transfer.py

Dense nets of 128 and 64, 16 latents, pixels drawn anew as 0 or 1; 1,000 steps of 64 at every size, five seeds, each
with target examples of its own (but of all, which are the same); 500 images of the target for validation and 500 for
test. Sources have 2,000 steps of 128. 125 members in one program, then 100: 17.6 minutes of one core's time, in
50 minutes on two cores that had too much other work and stopped it at times. Curves and pictures of them are written
to runs/fashion_mnist_transfer.

Classes 0 to 4 (tops, trousers, dresses, coats) to classes 5 to 9 (shoes, shirts, bags): the gain on scratch in nats of
the test bound, with how far off it may be (97.5% on either side), and of scratch the bound itself. The margin is 1.23.

target examples            10             100           1,000          10,000          25,090
scratch                -350.3          -270.7          -248.3          -246.6          -246.7
fine-tuned      46.76 ± 16.18     8.34 ± 2.91     4.76 ± 0.91     5.56 ± 0.74     5.66 ± 0.83
L2-SP           48.32 ± 16.70    10.12 ± 3.13     0.46 ± 0.98    -0.56 ± 0.88    -0.63 ± 0.91
frozen encoder  44.82 ± 15.64    -6.53 ± 3.50   -15.30 ± 1.97   -15.50 ± 2.01   -15.35 ± 2.04
frozen decoder  24.84 ± 14.20   -51.63 ± 7.19   -73.07 ± 5.77   -74.57 ± 5.73   -74.49 ± 5.72

To be as good as scratch with so many, fine-tuned needs these of them, or with all of them these steps of scratch's:

target examples            10             100           1,000          10,000          25,090
examples                 ≤ 10   63 (47 to 77)  559 (469-649)   684 (604-760)   679 (593-762)
steps            ≤ 20 of 100  46 (40-55), 560  309 (251-382)   353 (315-372)   350 (323-373) of 1,000 each

Each is surely fewer, but examples at 10, below which nothing was looked at. Scratch is no better with 25,090 than with
10,000, and is at its best after the last step: it lacks steps there, and what is saved is a start ahead.
Both overfit: the bound on their own examples is higher than on test by 76 (fine-tuned) and 133 nats (scratch) with 10,
33 and 47 with 100, 8 and 6 with 1,000, about 1 with more. A frozen decoder, which has to learn new shapes, is far worse
than scratch but for ten examples; a frozen encoder costs from 100 on, and L2-SP is not surely worth it from 1,000 on.

Digits to all ten classes, margin 1.28. Fine-tuned and L2-SP start from digits at 28 x 28; inner layers from those of
digits as they are, 8 x 8, where the layers next to the data start anew:

target examples            10             100           1,000          10,000          50,000
scratch                -362.6          -279.3          -257.5          -255.6          -255.6
fine-tuned      31.39 ± 11.06     4.34 ± 1.98     4.50 ± 1.00     4.76 ± 0.84     4.87 ± 0.89
L2-SP           31.67 ± 11.33     5.07 ± 2.07    -1.31 ± 1.03    -2.47 ± 0.81    -2.52 ± 0.90
inner layers     -0.57 ± 5.91     0.37 ± 2.17     1.26 ± 1.66     1.21 ± 1.03     1.08 ± 1.18

Fine-tuned is worth it at every size, with 767 examples (675 to 850) or 419 steps (376 to 469) as good as scratch with
50,000 and 1,000 steps. Whether inner layers alone are worth more than the margin is not decided at any size.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr

import vaejax as vj
from vaejax.data import Data
from vaejax.families import levels_of
from vaejax.grid import Member
from vaejax.transfer import Worth, from_source, l2_sp, learning_curves, paced, worth
from vaejax.types import VAE, Trainer

SIZES, STEPS, SOURCE_STEPS = (10, 100, 1000, 10_000, 50_000), 1000, 2000  # of 50,000: all there are
RATE, BATCH, SEEDS, HELD_OUT = 2e-3, 64, 5, 500
SAME = {"encoder": 1.0, "decoder": 1.0, "alpha": 0.0}
CLOTHES = {
    "scratch": {**SAME, "clothes": 0.0},
    "fine-tuned": {**SAME, "clothes": 1.0},
    "frozen encoder": {**SAME, "clothes": 1.0, "encoder": 0.0},
    "frozen decoder": {**SAME, "clothes": 1.0, "decoder": 0.0},
    "L2-SP": {**SAME, "clothes": 1.0, "alpha": 0.1},
}
DIGITS = {
    "scratch": {**SAME, "large": 0.0, "small": 0.0},
    "fine-tuned": {**SAME, "large": 1.0, "small": 0.0},
    "L2-SP": {**SAME, "large": 1.0, "small": 0.0, "alpha": 0.1},
    "inner layers": {**SAME, "large": 0.0, "small": 1.0},
}


class Found(NamedTuple):
    """The curves and what they say, by target."""

    curves: dict[str, xr.Dataset]
    answers: dict[str, Worth]


def model_for(data: Data) -> VAE:
    """The same inner layers for data of any shape."""
    nets = vj.nets.mlp(128, 64), vj.nets.mlp(64, 128)
    return vj.vae(*nets, data_shape=data.data_shape, latent_size=16, likelihood=data.likelihood)


def trained(data: Data, steps: int) -> Member:
    """A source: a model that has seen a data set."""
    taught = vj.trainer(model_for(data), vj.objectives.elbo(), optax.adam(RATE))
    epochs = max(1, round(steps / (len(data.train) / 128)))
    return vj.fit(taught, data, epochs=epochs, batch_size=128, num_samples=4)[0]


def chosen(data: Data, classes: range, num_train: int | None = None) -> Data:
    """The examples of some classes, all for training or the first."""

    def of(split: str, num: int | None) -> np.ndarray:
        return data.splits[split][np.flatnonzero(np.isin(data.labels[split], classes))[:num]]

    train, validation, test = of("train", num_train), of("validation", HELD_OUT), of("test", HELD_OUT)
    return data._replace(train=train, validation=validation, test=test, labels={})


def as_large_as_fashion(digits: Data) -> Data:
    """Digits of 28 x 28 pixels, each drawn as 0 or 1: a view, so that nothing is stored."""

    def view(key: jax.Array, raw: jax.Array) -> jax.Array:
        grey = jax.image.resize(jnp.asarray(raw, float) / 16, (28, 28), "linear")
        return jax.random.bernoulli(key, grey).astype(float)

    words = "Bernoulli(v/16 at 28 x 28), drawn anew"
    return digits._replace(
        view=view, support=levels_of(2), preparation=words, levels=2, likelihood=vj.likelihoods.bernoulli()
    )


def curves_of(target: Data, starts: dict, sources: dict[str, Member], sizes: list[int], steps: int) -> xr.Dataset:
    """Their learning curves, one program. A start says by its shares which of the sources it is from."""

    def member(encoder: float, decoder: float, alpha: float, **shares: float) -> Trainer:
        model = model_for(target)
        for name, share in shares.items():
            model = from_source(model, sources[name], share=share)
        adam = paced(optax.adam(RATE), {"encoder": encoder, "decoder": decoder})
        return vj.trainer(model, vj.objectives.elbo(), optax.chain(l2_sp(alpha), adam))

    seeds = range(SEEDS)
    return learning_curves(
        member, target, starts, sizes=sizes, steps=steps, seeds=seeds, batch_size=BATCH, num_samples=8
    )


def main(
    sizes: tuple[int, ...] = SIZES,
    steps: int = STEPS,
    source_steps: int = SOURCE_STEPS,
    folder: Path = Path("runs/fashion_mnist_transfer"),
) -> Found:
    """Train all sources and all members, say what they were worth, and write the curves and their pictures."""
    fashion, digits = vj.data.fashion_mnist(), vj.data.digits()
    folder.mkdir(parents=True, exist_ok=True)
    curves, answers = {}, {}

    def compared(title: str, classes: range, starts: dict, sources: dict[str, Data]) -> None:
        members = {name: trained(data, source_steps) for name, data in sources.items()}
        target = chosen(fashion, classes)
        counts = sorted({min(size, len(target.train)) for size in sizes})
        curves[title] = curves_of(target, starts, members, counts, steps)
        curves[title].to_netcdf(folder / f"{title.replace(' ', '_')}.nc", engine="scipy")
        answers[title] = worth(curves[title])
        print(f"\n{title}\n{answers[title]}", flush=True)
        print(curves[title].elbo.mean("seed").transpose("start", "num_examples").to_pandas().round(1), flush=True)
        picture = vj.report.learning_curves(curves[title], answers[title])
        (folder / f"{title.replace(' ', '_')}.png").write_bytes(picture)

    sources = {"clothes": chosen(fashion, range(5), 20_000)}
    compared("five classes to the other five", range(5, 10), CLOTHES, sources)
    compared("digits to all classes", range(10), DIGITS, {"large": as_large_as_fashion(digits), "small": digits})
    return Found(curves, answers)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--steps", type=int, default=STEPS)
    arguments.add_argument("--source-steps", type=int, default=SOURCE_STEPS)
    arguments.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    asked = arguments.parse_args()
    main(tuple(asked.sizes), asked.steps, asked.source_steps)
