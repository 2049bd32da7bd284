from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaejax import verbs, written
from vaejax.examples import each_example, fixed
from vaejax.types import VAE, Event, Example, Key, Params

from ._given import Given, examples_for, used_of


@dataclass(frozen=True, kw_only=True)
class Reconstruct(Given):
    """Examples decoded from their codes: the mean of p(x|z) at the mean of q(z|x).

    vaejax reconstruct runs/digits test --num 16
    """

    out: Path | None = None
    """A .npy, or of images a .png with x above and its reconstruction below. By default both, in the run's folder."""

    def run(self) -> int:
        """0; writes the reconstructions and prints how far they are from x."""
        used = used_of(self, self.key)
        path = written.output(self.out, self.run_folder, "reconstructions.npy", used.model.data_shape)
        examples = examples_for(used, self)
        found = each_example(fixed(_of_one, used.model), used.key, used.params, examples)
        written.write(path, found, lambda: written.rows_of(np.asarray(examples.x), found))
        error = float(np.mean(np.square(np.asarray(examples.x) - found)))
        print(f"{len(found)} reconstructions written to {path}; mean squared error {error:.4g} per entry")
        return 0


def _of_one(model: VAE, key: Key, params: Params, example: Example) -> Event:
    return verbs.reconstruct(model, params, example)
