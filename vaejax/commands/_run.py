from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaejax import configured, folder, saved, showing
from vaejax.answer import Answer
from vaejax.config import Config, axes_of, check
from vaejax.grid import Keeper, from_first, is_first, sweep
from vaejax.history import History
from vaejax.numerics import require_number
from vaejax.progress import Progress
from vaejax.stopping import asked_to_stop

from ._onto import run_below

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from vaejax.data import Data
    from vaejax.grid import Result
    from vaejax.types import VAE


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Where a run is written, and how it survives."""

    out: Path
    """A new or empty folder for everything there is to know about the run."""
    resume: bool = False
    """Go on with the run in that folder from where it was saved; start it if there is none."""
    save_every: float = 30.0
    """Seconds between checkpoints; saving never takes more than a fiftieth of the time."""


def run(config: Config, keeping: Keeping, onto: Path | None = None) -> tuple[xr.Dataset, Answer] | None:
    """Train and measure a grid, and write all there is to know into its folder. `None`: it was finished before.

    onto: a finished run whose members are taken over. Raises: VaejaxError where they cannot be, with nothing written.
    """
    check(config)
    require_number("save_every", keeping.save_every, least=0.0)
    if keeping.resume and from_first(lambda: folder.finished(keeping.out)):
        print(f"The run in {keeping.out} is finished. Its report: {keeping.out / 'report.html'}")
        return None
    below = None if onto is None else run_below(onto, config)
    with ExitStack() as stack:
        path = from_first(lambda: stack.enter_context(folder.run_folder(keeping.out, resume=keeping.resume)))
        return run_in(path, config, keeping, onto=below)


def run_in(
    path: Path,
    config: Config,
    keeping: Keeping,
    begun: Callable[[VAE], VAE] = configured.as_it_is,
    onto: Result | None = None,
) -> tuple[xr.Dataset, Answer]:
    """The same in a folder that is open. Of several processes all train, and the first writes."""
    started = time.perf_counter()
    axes: dict[str, Any] = axes_of(config)
    data = configured.read_data(config)
    from_first(lambda: folder.write_config(path, config, data))
    progress = Progress(config.epochs, History(path), started)
    with progress if is_first() else nullcontext(), asked_to_stop() as stop:
        result = sweep(
            configured.member_of(config, configured.facts_of(data), begun),
            data,
            epochs=config.epochs,
            batch_size=config.batch_size,
            num_samples=configured.num_samples_of(config, data),
            on_segment=progress.update if is_first() else None,
            keep=Keeper(path / folder.CHECKPOINTS, keeping.save_every, stop),
            plan=configured.asked_plan(config),
            mesh=configured.asked_mesh(config),
            until=configured.until_of(config),
            onto=onto,
            **axes,
        )
    measured = time.perf_counter()
    return result.dataset, from_first(lambda: _written(path, config, result, data, progress, measured))


def _written(path: Path, config: Config, result: Result, data: Data, progress: Progress, measured: float) -> Answer:
    """All there is to know of a run, in its folder; and its answer."""
    progress.history.end(result.dataset)
    folder.write_result(path, result)
    answer = saved.answer_of(config, [result])
    folder.write_json(path / "timing.json", progress.timing(measured, time.perf_counter()))
    progress.console.print("drawing the members for the report ...")
    showing.write_report(path, saved.Run(config, data, result, answer))
    folder.write_json(path / "timing.json", progress.timing(measured, time.perf_counter()))  # with that of the report
    folder.write_json(path / "answer.json", folder.answer_json(answer, result.dataset))  # last: it is finished
    shutil.rmtree(path / folder.CHECKPOINTS)
    return answer
