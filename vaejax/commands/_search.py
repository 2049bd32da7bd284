from __future__ import annotations

import json
import shutil
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaejax import configured, folder, saved, showing
from vaejax.answer import Answer, Found, Look, Stage, Trained, find_bottleneck
from vaejax.config import Config, axes_of, widest_of
from vaejax.data import Data, digest
from vaejax.errors import VaejaxError
from vaejax.grid import Keeper
from vaejax.history import History
from vaejax.progress import Progress
from vaejax.stopping import asked_to_stop
from vaejax.tables import plain

from ._run import Keeping

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

TUNED = ("learning_rate", "width", "weight_decay")


@dataclass(frozen=True)
class Searching:
    """How a search spends its time."""

    most_seeds: int = 9
    """Where it is undecided, seeds are added up to so many."""
    look_epochs: int | None = None
    """Of the first look, one model with --widest latents. By default half the epochs."""
    second_grid: bool = True
    """With the size fixed, a grid over --learning-rate, --width and --weight-decay, and what it gains. The first value
    of each is used before. By default it tries a third of the rate, twice the width, and a weight decay of 0.01."""


def search(config: Config, searching: Searching, keeping: Keeping) -> Found:
    """Find the bottleneck, and write all there is to know into a folder: of the first grid, as `vaejax sweep` does, and
    below it a folder for each other stage."""
    with folder.run_folder(keeping.out, resume=keeping.resume) as path:
        data = configured.read_data(config)
        asked = plain({"config": asdict(config), "search": asdict(searching), "sha256": digest(data)})
        _begin(path, asked, config, data)
        axes = axes_of(config)
        tune = {name: axes[name] if searching.second_grid else axes[name][:1] for name in TUNED if name in axes}
        with Shown(path) as shown, asked_to_stop() as stop:
            found = find_bottleneck(
                configured.member_of(config, configured.facts_of(data)),
                data,
                widest=widest_of(config),
                beta=config.beta,
                tune=tune,
                epochs=config.epochs,
                look_epochs=searching.look_epochs,
                seeds=config.seeds,
                most_seeds=searching.most_seeds,
                margin=config.margin,
                margin_nats=config.margin_nats,
                keep=Keeper(path / folder.CHECKPOINTS, keeping.save_every, stop),
                on_stage=shown.begin,
                batch_size=config.batch_size,
                num_samples=configured.num_samples_of(config, data),
                plan=configured.asked_plan(config),
                mesh=configured.asked_mesh(config),
                until=configured.until_of(config),
            )
        _write(path, asked, found, config, data, shown.seconds)
        shutil.rmtree(path / folder.CHECKPOINTS)
    return found


def second_grid_of(path: Path) -> Path:
    """Where the second grid of a search is."""
    return path / "second"


def folder_of(path: Path, stage: Stage) -> Path:
    """Where a stage is written: the first grid where `vaejax sweep` would write it, the others below."""
    kind, _, number = stage.name.partition(" ")
    if kind == "round":
        return path if number == "1" else path / folder.ROUNDS / number
    return path / kind


class Shown:
    """A context that shows each stage while it lasts, and keeps its history and its seconds."""

    def __init__(self, path: Path) -> None:
        self.path, self.stack, self.began = path, ExitStack(), time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.name = ""

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._end()

    def begin(self, stage: Stage) -> Callable[[xr.Dataset], Any]:
        """What is told of each segment."""
        self._end()
        where, self.name, self.began = folder_of(self.path, stage), stage.name, time.perf_counter()
        where.mkdir(parents=True, exist_ok=True)
        progress = Progress(stage.epochs, History(where), self.began)
        progress.console.print(f"{stage.name}: {stage.why}")
        return self.stack.enter_context(progress).update

    def _end(self) -> None:
        self.stack.close()
        if self.name:
            self.seconds[self.name] = round(time.perf_counter() - self.began, 2)


def _begin(path: Path, asked: Any, config: Config, data: Data) -> None:
    """Raises: VaejaxError where the folder is that of a run that was asked for something else."""
    if (path / "search.json").exists():
        before = json.loads((path / "search.json").read_text())["asked"]
        was, now = ({**one["config"], **one["search"], "data": one["sha256"]} for one in (before, asked))
        different = [f"{name} was {was.get(name)} and is now {now[name]}" for name in now if was.get(name) != now[name]]
        if different:
            raise VaejaxError(
                f"{path} holds a search of another configuration: {'; '.join(different)}; repeat its command, or "
                "choose another --out"
            )
    elif (path / "history.jsonl").exists() or (path / folder.CHECKPOINTS).exists():
        raise VaejaxError(f"{path} holds a run that is no search: go on with vaejax sweep, or choose another --out")
    else:
        folder.note_config(path, config, data)
        folder.write_json(path / "search.json", {"asked": asked})


def _write(path: Path, asked: Any, found: Found, config: Config, data: Data, seconds: dict[str, float]) -> None:
    """Every stage, the first grid last, since its answer is that of the whole."""
    stages = [found.wide, *found.rounds[1:], *([found.tuning] if found.tuning is not None else [])]
    for one in stages:
        answer = saved.answer_of(config, [one.result])
        _write_stage(folder_of(path, one.stage), one, answer, config, data)
    folder.write_json(path / "look.json", {"look": _plain_look(found.look), "proposal": found.proposal._asdict()})
    gain = None if found.gain is None else found.gain._asdict()
    told = {"told": found.told.splitlines(), "place": found.place, "gain": gain}
    rounds = [one.stage._asdict() for one in found.rounds]
    folder.write_json(path / "search.json", {"asked": asked, **told, "rounds": rounds})
    folder.write_json(path / "timing.json", {**seconds, "total": round(sum(seconds.values()), 2)})
    _write_stage(path, found.rounds[0], found.answer, config, data, found.rounds[1:])


def _write_stage(
    path: Path, one: Trained, answer: Answer, config: Config, data: Data, rounds: tuple[Trained, ...] = ()
) -> None:
    """A finished run, which other commands can read; answer.json last."""
    folder.note_config(path, _config_of(config, one.stage), data)
    History(path).end(one.result.dataset)
    folder.write_result(path, one.result)
    run = saved.Run(_config_of(config, one.stage), data, one.result, answer, tuple(later.result for later in rounds))
    showing.write_report(path, run)
    folder.write_json(path / "answer.json", folder.answer_json(answer, one.result.dataset))


def _config_of(config: Config, stage: Stage) -> Config:
    """What `vaejax sweep` would have been asked for."""
    axes: dict[str, Any] = {name: tuple(values) for name, values in stage.axes.items()}
    seeds = axes.pop("seed")
    return replace(config, **axes, epochs=stage.epochs, seeds=len(seeds), first_seed=seeds[0])


def _plain_look(look: Look) -> dict[str, Any]:
    known = {"two_nn": look.two_nn, "maximum_likelihood": look.maximum_likelihood}
    return {**look._asdict(), **{name: one and one._asdict() for name, one in known.items()}}
