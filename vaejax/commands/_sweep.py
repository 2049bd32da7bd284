import contextlib
import io
import warnings
from dataclasses import astuple, dataclass, field
from pathlib import Path

from tyro.conf import OmitArgPrefixes

from vaejax.answer import sentence, sheet
from vaejax.config import Config
from vaejax.errors import VaejaxWarning
from vaejax.grid import is_first, joined

from ._run import Keeping, run


@dataclass(frozen=True)
class Hosts:
    """Several processes that train one grid, each started by the same command; the first writes and prints."""

    coordinator: str | None = None
    """Where the first process listens, HOST:PORT, or auto for what the cluster says (Slurm, Open MPI, Cloud TPU). All
    must see the folder of --out."""
    processes: int | None = None
    """How many there are."""
    process: int | None = None
    """Which of them this is, from 0."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Train a grid of VAEs over beta and latent size, measure every member, and answer."""

    config: OmitArgPrefixes[Config] = field(default_factory=Config)
    keeping: OmitArgPrefixes[Keeping]
    onto: Path | None = None
    """The folder of a finished run, whose members are taken over as they are: only those that this grid has beside them
    are trained. All but the values of the axes must be its own."""

    hosts: OmitArgPrefixes[Hosts] = field(default_factory=Hosts)

    def run(self) -> int:
        """0, or 1 where every member diverged."""
        with joined(*astuple(self.hosts)), contextlib.ExitStack() as quietly:
            if not is_first():
                quietly.enter_context(contextlib.redirect_stdout(io.StringIO()))
                quietly.enter_context(warnings.catch_warnings(action="ignore", category=VaejaxWarning))
            return self._run()

    def _run(self) -> int:
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
