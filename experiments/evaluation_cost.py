"""Everything that applies, of the forty members of the grid of `make sweep`: seconds of each group, compiling included.

    python experiments/evaluation_cost.py

and, with the folder of a finished run as an argument, of that run. 1 min 45 s on two cores, of which training the grid
takes one. Everything takes 38.4 seconds: representation 10.4 (half of it compiling two probes), generation 6.7 (most of
it a classifier, once), anatomy 6.5, likelihood 5.4, cost 4.6, agreement 2.1, dimension 1.6, reconstruction 1.0.
Compiling is two thirds of it and does not grow with the members.
"""

import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import optax

import vaejax as vj
from vaejax import saved
from vaejax.grid import Result


class Spent(NamedTuple):
    """Of one group of measures: seconds by the clock, and of the processor."""

    wall: float
    processor: float


def trained(epochs: int) -> tuple[Result, vj.data.Data]:
    """The grid of `make sweep`: 4 betas, 5 latent sizes, 2 seeds."""
    data = vj.data.digits()
    rate = optax.polynomial_schedule(1.2e-2, 0.0, 4, 10 * epochs)

    def member(beta, latent_size):
        nets = vj.nets.mlp(64, 64), vj.nets.mlp(64, 64)
        sizes: dict[str, Any] = {"latent_size": latent_size, "max_latent_size": 32}
        model = vj.vae(*nets, data_shape=data.data_shape, likelihood=data.likelihood, **sizes)
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(rate))

    axes: dict[str, Any] = {"beta": [0.5, 1.0, 2.0, 4.0], "latent_size": [2, 4, 8, 16, 32], "seed": range(2)}
    return vj.sweep(member, data, epochs=epochs, **axes), data


def main(run: str | None = None, epochs: int = 250) -> dict[str, Spent]:
    """Each group of measures by itself, on members that are trained already."""
    jax.config.update("jax_enable_compilation_cache", False)  # every program is compiled anew
    if run is None:
        result, data = trained(epochs)
    else:
        opened = saved.open_run(Path(run))
        result, data = opened.result, opened.data
    spent: dict[str, Spent] = {}
    before = time.process_time()

    def note(name: str, wall: float) -> None:
        nonlocal before
        now = time.process_time()
        spent[name], before = Spent(wall, now - before), now

    vj.evaluate(result, data, on_measured=note)
    return spent


if __name__ == "__main__":
    found = main(sys.argv[1] if len(sys.argv) > 1 else None)
    for name, of in found.items():
        print(f"{name:15} {of.wall:5.1f} s, {of.processor:5.1f} s of the processor")
    walls, processors = (sum(of[at] for of in found.values()) for at in (0, 1))
    print(f"{'in all':15} {walls:5.1f} s, {processors:5.1f} s of the processor")
