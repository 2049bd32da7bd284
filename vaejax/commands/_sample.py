from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro
from tyro.conf import Positional

from vaejax import saved, verbs, written
from vaejax.numerics import require_count


@dataclass(frozen=True)
class Sample:
    """Draw new examples from a member of a finished run: by default the one that the answer chose."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""
    num: int = 64
    """How many."""
    seed: int = 0
    """Of the draws."""
    beta: float | None = None
    """Another member's beta."""
    latent_size: int | None = None
    """Another member's latent size."""
    out: Path | None = None
    """A .png (images) or .npy (any shape). By default samples.png, or samples.npy, in the run's folder."""

    def run(self) -> int:
        """0; writes means of p(x|z) at draws of z from the prior."""
        require_count("num", self.num)
        named: dict[str, Any] = {"beta": self.beta, "latent_size": self.latent_size}
        where = {name: value for name, value in named.items() if value is not None}
        model, params = saved.load_member(self.run_folder, **where)
        keys = jax.random.split(jax.random.key(self.seed), self.num)
        drawn = jax.vmap(lambda key: verbs.generate_mean(key, model, params))(keys)
        images = np.asarray(drawn)
        endings = written.endings_of(images.shape[1:])
        path = written.output(self.out, self.run_folder, "samples", endings)
        written.write(path, images, written.square(images) if ".png" in endings else None)
        print(f"{self.num} samples written to {path}")
        return 0
