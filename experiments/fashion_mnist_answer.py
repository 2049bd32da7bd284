"""How many latents Fashion-MNIST needs, by a look, a grid, more seeds where it is undecided, and a second grid.

    python experiments/fashion_mnist_answer.py

Dense nets of two layers, pixels drawn as 0 or 1 anew each time (the entropy of that draw is 189.86 nats per test image,
so no honest log p(x) is above -189.86). `vaejax bottleneck --data fashion_mnist` does the same from the command line.

377 seconds on an H100, of which the look took 50, four rounds 185 and the second grid 140. It was not run on two cores,
where it takes hours. What it said, in the order in which it found it:

- Look: 13 of 32 latents are active after 3 epochs; the data have dimension 13.6 ± 0.3 by two neighbours, 10.4 ± 0.1 by
  maximum likelihood. (Sizes 3, 7, 10, 13 and 20 came from the active units; since then they come from the latents that
  carry the rate, so that the first round has others.)
- Of seven and ten latents and then of six, three seeds more, as three did not decide; and the sizes between 3 and 7.
- What a size pays beside the best, latent size 10, nats on test with three to six seeds: 3 pays 9.87 ± 0.31, 4 5.77 ±
  0.12, 5 3.26 ± 0.13, 6 1.27 ± 0.13, 7 0.64 ± 0.17; 13 0.29 ± 0.13 and 20 0.09 ± 0.05, both at beta 0.5.
- Answer: beta 1, latent size 7, within the margin of 1.18 nats, at a rate of 12.8 nats. Not decided after 6 seeds: 6 or
  7; more than 10 gains nothing, though a model with more of them uses 10 to 12.
- The second grid gained 2.31 ± 0.25 nats: width 512, at the smallest learning rate that was tried.

That was with the spread over seeds known from the two sizes that are compared alone; since then all settings near the
best tell it, so that fewer seeds decide.
"""

import argparse
from pathlib import Path
from typing import Any

import optax

import vaejax as vj
from vaejax.types import Number, Trainer

WIDEST, BATCH = 32, 128
TUNED = {"learning_rate": [2e-3, 4e-3], "width": [256, 512], "weight_decay": [0.0, 0.1]}


def run(data: Any, epochs: int, seeds: int, most_seeds: int, keep: Path | None) -> Any:
    """What the search found."""
    steps = epochs * -(-len(data.train) // BATCH)

    def member(
        beta: Number, latent_size: Number, learning_rate: Number, width: Number, weight_decay: Number
    ) -> Trainer:
        model = vj.vae(
            vj.nets.mlp(width, width),
            vj.nets.mlp(width, width),
            data_shape=data.data_shape,
            likelihood=data.likelihood,
            latent_size=latent_size,
            max_latent_size=WIDEST,
        )
        rate = vj.schedules.scaled(learning_rate, optax.cosine_decay_schedule(1.0, steps))
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adamw(rate, weight_decay=weight_decay))

    def begun(stage: Any) -> None:
        print(f"{stage.name}: {stage.why}; {stage.axes}", flush=True)

    options: dict[str, Any] = {"batch_size": BATCH, "num_samples": 32, "keep": keep, "on_stage": begun}
    return vj.find_bottleneck(
        member,
        data,
        widest=WIDEST,
        beta=[0.5, 1.0, 2.0],
        tune=TUNED,
        epochs=epochs,
        seeds=seeds,
        most_seeds=most_seeds,
        **options,
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=15)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--most-seeds", type=int, default=6)
    arguments.add_argument("--keep", type=Path, help="a folder for checkpoints: stopped, it goes on from there")
    asked = arguments.parse_args()
    found = run(vj.data.fashion_mnist(), asked.epochs, asked.seeds, asked.most_seeds, asked.keep)
    for paid in found.answer.sizes:
        print(paid)
    print(found.told)
