from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from vaejax import latent, verbs, written
from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import Example

from ._given import Given, Used, examples_for, used_of

PathName = Literal["linear", "spherical", "density", "geodesic"]


@dataclass(frozen=True, kw_only=True)
class Interpolate(Given):
    """Pictures between two examples, decoded along a path between their codes.

    vaejax interpolate runs/digits test --between 0 3 --path geodesic
    """

    between: tuple[int, int] = (0, 1)
    """Which two of the examples, counted from 0."""
    path: PathName = "linear"
    """A line, a great circle, where the prior is dense, or the shortest way as the decoder's pictures see it."""
    steps: int = 9
    """How many, ends included."""
    out: Path | None = None
    """A .npy, or of images a .png. By default both, in the run's folder."""

    def run(self) -> int:
        """0; writes what is decoded, and prints how long the way is."""
        used = used_of(self, self.key)
        path = written.output(self.out, self.run_folder, "interpolation.npy", used.model.data_shape)
        require_count("steps", self.steps, least=2)
        examples = examples_for(used, self)
        last = len(examples.x) - 1
        if not all(0 <= place <= last for place in self.between):
            raise VaejaxError(f"--between must be two of the examples, 0 to {last}, got {self.between}")
        ends = [jax.tree.map(lambda leaf, at=at: jnp.asarray(leaf[at]), examples) for at in self.between]
        way = _path(self.path, used)
        found = np.asarray(latent.interpolate(used.model, used.params, *ends, path=way, num=self.steps))
        written.write(path, found, lambda: found[None])
        length = float(latent.length(jnp.asarray(found)))
        print(f"{self.steps} examples written to {path}; the way is {length:.3g} long in x ({self.path})")
        return 0


def _path(name: PathName, used: Used) -> latent.Path:
    if name == "geodesic":
        return latent.geodesic(lambda z: verbs.decode(used.model, used.params, z))
    if name == "density":
        shown = Example(jnp.zeros(used.model.data_shape))
        return latent.density_following(lambda z: jnp.sum(used.model.log_prior(used.params, z, shown)))
    return {"linear": latent.linear, "spherical": latent.spherical}[name]
