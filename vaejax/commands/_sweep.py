from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import OmitArgPrefixes

from vaejax.config import Config

from ._run import Keeping, run


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Train a grid of VAEs over beta and latent size, measure every member, and answer."""

    config: OmitArgPrefixes[Config] = field(default_factory=Config)
    out: Path
    """A new or empty folder for everything there is to know about the run."""
    resume: bool = False
    """Go on with the run in that folder from where it was saved; start it if there is none."""
    save_every: float = 30.0
    """Seconds between checkpoints; saving never takes more than a fiftieth of the time."""

    def run(self) -> int:
        """0, or 1 where every member diverged."""
        found = run(self.config, Keeping(self.out, self.resume, self.save_every))
        if found is None:
            return 0
        _, answer = found
        print(f"\n{answer.reason}")
        for warning in answer.warnings:
            print(f"Note: {warning}")
        print(f"The report: {self.out / 'report.html'}  (all numbers: {self.out / 'results.csv'})")
        return 0 if answer.member else 1
