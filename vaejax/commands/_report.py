from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from vaejax import saved


@dataclass(frozen=True)
class Report:
    """Write the report of a finished run again, from its table and its parameters."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""

    def run(self) -> int:
        """0; writes report.html into the run's folder."""
        saved.report_again(self.run_folder, saved.open_run(self.run_folder))
        print(f"The report: {self.run_folder / 'report.html'}")
        return 0
