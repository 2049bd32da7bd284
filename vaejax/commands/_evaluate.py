import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from vaejax import saved, tables
from vaejax.errors import OutputError
from vaejax.numerics import require_count


@dataclass(frozen=True)
class Evaluate:
    """Measure every member of a finished run again, on the test split, with as many draws as you like."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""
    num_samples: int = 1000
    """Draws of z for the importance-weighted log likelihood."""

    def run(self) -> int:
        """0; writes evaluation.csv into the run's folder and prints it."""
        require_count("num_samples", self.num_samples)
        run = saved.open_run(self.run_folder)
        dataset = saved.evaluate(run, self.num_samples)
        text = tables.results_csv(dataset)
        path = self.run_folder / "evaluation.csv"
        try:
            path.write_text(text)
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from None
        print(text, end="")
        print(f"Written to {path}: test split, {self.num_samples} draws of z, nats per example.", file=sys.stderr)
        return 0
