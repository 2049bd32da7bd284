"""Likelihoods by objectives by weight decay on grey Fashion-MNIST, one architecture: what a loss does to the picture.

    python experiments/fashion_mnist_losses.py

The first 10,000 training images, so that overfitting shows; dense nets of 200 and 200, 16 latents, Adam at 1e-3 falling
to zero, 20 epochs, two seeds. Squared error, SSIM and sharpness of reconstructions, sharpness and Fréchet distance of
samples (means of p(x|z)), and how much better the bound is in training than on test, in nats of each likelihood's own.
TIME

NUMBERS
"""

import argparse
from collections.abc import Callable
from typing import Any

import optax
import xarray as xr

import vaejax as vj
from vaejax.types import Family, Number, Objective, Trainer

BATCH, WIDTH, LATENTS = 100, 200, 16
LIKELIHOODS: dict[str, Callable[[], Family]] = {
    "normal, sd 1": vj.likelihoods.normal,
    "normal, sd 0.1": lambda: vj.likelihoods.normal(0.1),
    "learned normal": vj.likelihoods.learned_normal,
    "learned laplace": vj.likelihoods.learned_laplace,
    "continuous bernoulli": vj.likelihoods.continuous_bernoulli,
    "binomial": lambda: vj.likelihoods.binomial(256),
    "discretized logistic": lambda: vj.likelihoods.discretized_logistic(256),
}
OBJECTIVES = {"elbo": vj.objectives.elbo(), "iwae 5": vj.objectives.iwae(5)}
DECAYS = [0.0, 0.1, 1.0]
SHOWN = (
    "mean_squared_error",
    "ssim",
    "sharpness_reconstructions",
    "sharpness_samples",
    "frechet_pca",
    "frechet_classifier",
)


def run(names: list[str], objectives: list[str], epochs: int, seeds: int, data: vj.data.Data) -> xr.Dataset:
    """The table of the grid, with what applies to pictures."""
    steps = epochs * -(-len(data.train) // BATCH)

    def member(likelihood: Family, objective: Objective, weight_decay: Number) -> Trainer:
        net = vj.nets.mlp(WIDTH, WIDTH)
        model = vj.vae(net, net, data_shape=data.data_shape, latent_size=LATENTS, likelihood=likelihood)
        rate = optax.cosine_decay_schedule(1e-3, steps)
        return vj.trainer(model, objective, optax.adamw(rate, weight_decay=weight_decay))

    def told(dataset: xr.Dataset) -> None:
        if dataset.attrs["epoch"] == epochs:
            print(f"program {dataset.attrs['program']} trained", flush=True)

    axes: dict[str, Any] = {
        "likelihood": {name: LIKELIHOODS[name]() for name in names},
        "objective": {name: OBJECTIVES[name] for name in objectives},
        "weight_decay": DECAYS,
        "seed": range(seeds),
    }
    result = vj.sweep(member, data, epochs=epochs, batch_size=BATCH, num_samples=16, on_segment=told, **axes)
    measures = [vj.evaluation.reconstruction(), vj.evaluation.generation()]
    return vj.evaluate(result, data, measures, num_examples=2000)


def show(table: xr.Dataset) -> None:
    """A row for each likelihood and objective without weight decay, and what decay does to the gap."""
    table = table.mean("seed")
    print(f"{'':32}" + "".join(f"{name.replace('_', ' ')[:20]:>21}" for name in (*SHOWN, "train - test", "rate")))
    for likelihood in table.likelihood.values:
        for objective in table.objective.values:
            at = table.sel(likelihood=likelihood, objective=objective)
            for decay in table.weight_decay.values:
                one = at.sel(weight_decay=decay)
                numbers = [float(one[name]) for name in SHOWN]
                numbers += [float(one.elbo_train - one.elbo), float(one.rate)]
                name = f"{likelihood}, {objective}, {decay:g}"
                print(f"{name:32}" + "".join(f"{number:21.4f}" for number in numbers))
    print(f"sharpness of the data {float(table.sharpness_data.mean()):.4f}")
    print(f"accuracy of the classifier {float(table.classifier_accuracy.mean()):.3f}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--likelihoods", nargs="+", choices=LIKELIHOODS, default=list(LIKELIHOODS))
    arguments.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    arguments.add_argument("--epochs", type=int, default=20)
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--num-train", type=int, default=10_000)
    asked = arguments.parse_args()
    grey = vj.data.grey(vj.data.fashion_mnist())
    few = grey._replace(
        train=grey.train[: asked.num_train],
        validation=grey.validation[:2000],
        labels={
            **grey.labels,
            "train": grey.labels["train"][: asked.num_train],
            "validation": grey.labels["validation"][:2000],
        },
    )
    show(run(asked.likelihoods, asked.objectives, asked.epochs, asked.seeds, few))
