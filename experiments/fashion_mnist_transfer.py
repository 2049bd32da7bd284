"""Is a source worth it on Fashion-MNIST? Five classes for the other five, and digits for all of them.

    python experiments/fashion_mnist_transfer.py

TIMES
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

RATE, BATCH, HELD_OUT = 2e-3, 64, 500
SCRATCH = {"share": 0.0, "small_share": 0.0, "encoder": 1.0, "decoder": 1.0, "alpha": 0.0}
FINE_TUNED = {**SCRATCH, "share": 1.0}
STARTS = {
    "scratch": SCRATCH,
    "fine-tuned": FINE_TUNED,
    "frozen encoder": {**FINE_TUNED, "encoder": 0.0},
    "frozen decoder": {**FINE_TUNED, "decoder": 0.0},
    "L2-SP": {**FINE_TUNED, "alpha": 0.1},
}
FROM_DIGITS = {
    **{name: STARTS[name] for name in ("scratch", "fine-tuned", "L2-SP")},
    "inner layers": {**SCRATCH, "small_share": 1.0},
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


def chosen(data: Data, classes: range, num_train: int) -> Data:
    """The examples of some classes."""
    rows = {name: np.flatnonzero(np.isin(labels, classes)) for name, labels in data.labels.items()}
    some = {
        name: data.splits[name][index[: num_train if name == "train" else HELD_OUT]] for name, index in rows.items()
    }
    return data._replace(**some, labels={})


def as_large_as_fashion(digits: Data) -> Data:
    """Digits of 28 x 28 pixels, each drawn as 0 or 1: a view, so that nothing is stored."""

    def view(key: jax.Array, raw: jax.Array) -> jax.Array:
        grey = jax.image.resize(jnp.asarray(raw, float) / 16, (28, 28), "linear")
        return jax.random.bernoulli(key, grey).astype(float)

    words = "Bernoulli(v/16 at 28 x 28), drawn anew"
    return digits._replace(
        view=view, support=levels_of(2), preparation=words, levels=2, likelihood=vj.likelihoods.bernoulli()
    )


def curves_of(target: Data, starts: dict, sizes: list[int], steps: int, source: Member, small: Member) -> xr.Dataset:
    """Their learning curves, one program."""
    plain = model_for(target)

    def member(share: float, small_share: float, encoder: float, decoder: float, alpha: float) -> Trainer:
        model = from_source(from_source(plain, source, share=share), small, share=small_share)
        adam = paced(optax.adam(RATE), {"encoder": encoder, "decoder": decoder})
        return vj.trainer(model, vj.objectives.elbo(), optax.chain(l2_sp(alpha), adam))

    return learning_curves(member, target, starts, sizes=sizes, steps=steps, batch_size=BATCH, num_samples=8)


def draw(curves: dict[str, xr.Dataset], path: Path) -> None:
    """The test bound over the number of target examples, each seed a dot."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(curves), figsize=(6 * len(curves), 4.5), sharey=True, layout="constrained")
    for panel, (title, table) in zip(np.atleast_1d(panels), curves.items(), strict=True):
        for start in table.start.values:
            bounds = table.elbo.sel(start=start).transpose("num_examples", "seed")
            (line,) = panel.plot(table.num_examples, bounds.mean("seed"), label=str(start))
            panel.plot(table.num_examples, bounds, ".", color=line.get_color(), alpha=0.6)
        panel.set(xscale="log", xlabel="target examples", title=title)
        panel.grid(alpha=0.3)
        panel.legend()
    np.atleast_1d(panels)[0].set_ylabel("test bound (nats)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main(
    sizes: tuple[int, ...] = (10, 100, 1000, 10_000),
    steps: int = 600,
    source_steps: int = 1500,
    picture: Path = Path("runs/fashion_mnist_transfer/learning_curves.png"),
) -> Found:
    """Train both sources, all members, and say what they were worth."""
    fashion, digits = vj.data.fashion_mnist(), vj.data.digits()
    most = max(sizes)
    clothes = trained(chosen(fashion, range(5), 20_000), source_steps)
    large, small = (trained(one, source_steps) for one in (as_large_as_fashion(digits), digits))
    plans = {
        "five classes to the other five": (chosen(fashion, range(5, 10), most), STARTS, clothes),
        "digits to all classes": (chosen(fashion, range(10), most), FROM_DIGITS, large),
    }
    curves, answers = {}, {}
    for title, (target, starts, source) in plans.items():
        curves[title] = curves_of(target, starts, list(sizes), steps, source, small)
        answers[title] = worth(curves[title])
        print(f"\n{title}\n{answers[title]}", flush=True)
        print(curves[title].elbo.mean("seed").transpose("start", "num_examples").to_pandas().round(1), flush=True)
    draw(curves, picture)
    return Found(curves, answers)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--steps", type=int, default=600)
    arguments.add_argument("--source-steps", type=int, default=1500)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    asked = arguments.parse_args()
    main(tuple(asked.sizes), asked.steps, asked.source_steps)
