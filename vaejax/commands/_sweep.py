from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import OmitArgPrefixes

from vaejax.answer import sentence, sheet
from vaejax.config import Config

from ._run import Keeping, run


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Train a grid of VAEs over beta and latent size, measure every member, and answer."""

    config: OmitArgPrefixes[Config] = field(default_factory=Config)
    keeping: OmitArgPrefixes[Keeping]
    onto: Path | None = None
    """The folder of a finished run, whose members are taken over as they are: only those that this grid has beside them
    are trained. All but the values of the axes must be its own."""

    def run(self) -> int:
        """0, or 1 where every member diverged."""
        found = run(self.config, self.keeping, self.onto)
        if found is None:
            return 0
        _, answer = found
        if answer.sizes:
            print(f"\n{sheet(answer.sizes)}")
        print(f"\n{answer.reason}")
        beside = sentence(answer.sizes, answer.latent_size)
        if beside:
            print(f"Beside it, {beside}.")
        for warning in answer.warnings:
            print(f"Note: {warning}")
        print(f"The report: {self.keeping.out / 'report.html'}  (all numbers: {self.keeping.out / 'results.csv'})")
        return 0 if answer.member else 1
