from dataclasses import dataclass, field

import numpy as np
from tyro.conf import OmitArgPrefixes

from vaejax.config import Config, axes_of
from vaejax.errors import VaejaxError

from ._run import Keeping, run

ONE = Config(beta=(1.0,), latent_size=(16,), seeds=1)
TOLD = ("distortion", "rate", "elbo", "log_likelihood", "log_likelihood_se", "active_units")


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train one VAE and measure it: a sweep with one member, by the same code."""

    config: OmitArgPrefixes[Config] = field(default_factory=lambda: ONE)
    keeping: OmitArgPrefixes[Keeping]

    def run(self) -> int:
        """0, or 1 where it diverged."""
        sizes = {name: len(values) for name, values in axes_of(self.config).items()}
        if max(sizes.values()) > 1:
            several = ", ".join(f"{size} of {name}" for name, size in sizes.items() if size > 1)
            raise VaejaxError(f"vaejax train trains one model, and was given {several}: use vaejax sweep")
        found = run(self.config, self.keeping)
        if found is None:
            return 0
        dataset, answer = found
        if not answer.member:
            print(answer.reason)
            return 1
        row = {name: float(np.squeeze(dataset[name].values)) for name in TOLD}
        print(
            f"\nOn test, nats per example: bound {row['elbo']:.2f} (distortion {row['distortion']:.2f}, rate "
            f"{row['rate']:.2f}), log likelihood {row['log_likelihood']:.2f} ± {row['log_likelihood_se']:.2f}; "
            f"{row['active_units']:.0f} active units."
        )
        print(f"The report: {self.keeping.out / 'report.html'}  (all numbers: {self.keeping.out / 'results.csv'})")
        return 0
