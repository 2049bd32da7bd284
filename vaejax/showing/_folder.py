from pathlib import Path

from vaejax import folder
from vaejax.errors import VaejaxError
from vaejax.report import Shown

from ._finished import shown_again
from ._going import shown_so_far


def read_shown(path: Path) -> Shown:
    """What there is to show of the run in a folder, finished or not; nothing in the folder is touched.

    Raises: VaejaxError where there is no run, or what it cannot be shown without is damaged.
    """
    path = path.expanduser()
    if folder.finished(path):
        return shown_again(path)
    if (path / "config.json").exists():
        shown = shown_so_far(path)
        return shown_again(path) if folder.finished(path) else shown  # it may have come to its end meanwhile
    raise VaejaxError(f"expected the folder of a run, and there is no config.json in {path}")
