import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from vaejax import folder, report, showing
from vaejax.errors import VaejaxError

COMPARED = Path("runs.html")


@dataclass(frozen=True)
class Report:
    """Write the report of a run again, from its folder; also while the run is going on, which is not disturbed.

    Several runs are compared on one page: vaejax report runs/a runs/b --out compared.html
    """

    run_folders: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN")]
    """The folder of a run, or several."""
    out: Path | None = None
    """The page. By default report.html in the folder of the run, or of several runs.html here."""

    def run(self) -> int:
        """0; writes the page."""
        if not self.run_folders:
            raise VaejaxError("vaejax report needs the folder of a run, like vaejax report runs/x")
        folders = [path.expanduser() for path in self.run_folders]
        print("drawing the members ...", file=sys.stderr)
        out = self.out or (folders[0] / "report.html" if len(folders) == 1 else COMPARED)
        shown = _written(out.expanduser(), folders)
        for one in shown:
            for sentence in one.missing:
                print(f"{one.name}: {sentence}")
        print(f"The report: {out}")
        return 0


def _written(out: Path, folders: list[Path]) -> list[report.Shown]:
    """What is on the page; written again where a run came to its end meanwhile and wrote its own."""
    while True:
        shown = [showing.read_shown(path) for path in folders]
        report.write(out, *shown)
        if not any(one.answer is None and folder.finished(path) for one, path in zip(shown, folders, strict=True)):
            return shown
