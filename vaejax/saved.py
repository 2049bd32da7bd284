"""A run, opened again: what came of it, measured anew or drawn from; of one that goes on what it has come to."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vaejax import configured, evaluation, folder, store
from vaejax.answer import Answer, bottleneck
from vaejax.config import Config, axes_of
from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.grid import PARTS, Member, Result, extract, newest_in, remeasured, restored, restored_so_far

if TYPE_CHECKING:
    import xarray as xr


EVALUATION = "evaluation.nc"


class Run(NamedTuple):
    """What was asked, on what, and what came of it. rounds: further grids of a search, with a say in the answer."""

    config: Config
    data: Data
    result: Result
    answer: Answer
    rounds: tuple[Result, ...] = ()


def open_run(path: Path) -> Run:
    """A finished run, with its data read again. Raises: VaejaxError where these are not the data it was trained on."""
    config, noted, result = read_run(path)
    data = data_of(path, config, noted)
    rounds = _rounds(path)
    return Run(config, data, result, answer_of(config, (result, *rounds)), rounds)


def data_of(path: Path, config: Config, noted: Mapping[str, Any]) -> Data:
    """The data of a run, read again: a file where it was as seen from the run's folder, or by the name it had.

    Raises: VaejaxError where they are gone, or not those it was trained on.
    """
    beside = path / (noted.get("file") or ".")
    if beside.is_file():
        config = replace(config, data=str(beside))
    data = configured.read_data(config)
    folder.require_same_data(path, config, data, noted)
    return data


class Chosen(NamedTuple):
    """What a run was asked for, the place of a member in its grid, and the member; what was noted of the data."""

    config: Config
    place: Mapping[str, Any]
    member: Member
    noted: Mapping[str, Any]


def load_member(path: str | os.PathLike[str], **where: Any) -> Member:
    """A trained model and its parameters from the folder of a finished run, without its data: ready to be used.

    where: its place in the grid, like `beta=1.0, latent_size=8`; what is not named is as the answer chose.
    Raises: VaejaxError where there is no finished run, no such member, or where its files are damaged.

    >>> load_member("runs/nowhere")
    Traceback (most recent call last):
    vaejax.errors.VaejaxError: expected the folder of a finished run, and there is no answer.json in runs/nowhere
    """
    return load_chosen(Path(path), **where).member


def load_chosen(path: Path, **where: Any) -> Chosen:
    """`load_member`, and where in which grid it stands."""
    path = path.expanduser()
    config, noted, result = read_run(path)
    results = (result, *_rounds(path))
    return Chosen(config, *_placed(results, answer_of(config, results), where), noted)


def _placed(results: Sequence[Result], answer: Answer, where: Mapping[str, Any]) -> tuple[dict[str, Any], Member]:
    place = nearest_to(answer, where)
    if where and "seed" not in where and _holding(results, place) is None:  # the chosen seed is of a later round
        place["seed"] = results[0].dataset["seed"].values[0].item()
    return place, extract(_holding(results, place) or results[0], **place)


def _rounds(path: Path) -> tuple[Result, ...]:
    return tuple(read_run(folder_of_round)[2] for folder_of_round in folder.rounds_of(path))


def answer_of(config: Config, results: Sequence[Result]) -> Answer:
    """The answer from the tables of these grids, with the margin that was asked for."""
    return answer_from(config, [result.dataset for result in results])


def answer_from(config: Config, tables: "Sequence[xr.Dataset]") -> Answer:
    """The same from the tables alone."""
    return bottleneck(*tables, margin=config.margin, margin_nats=config.margin_nats)


def _holding(results: Sequence[Result], place: Mapping[str, Any]) -> Result | None:
    """The first result with a member at a place."""
    for result in results:
        values = {name: result.dataset[name].values for name in place if name in result.dataset.coords}
        if len(values) == len(place) and all((values[name] == place[name]).any() for name in place):
            return result
    return None


def read_table(path: Path) -> "xr.Dataset":
    """The table of a finished run, with the columns that `vaejax evaluate` added, if it did.

    Raises: VaejaxError where there is none, or a file of it is damaged.
    """
    folder.require_finished(path)
    table = opened(path / "results.nc")
    if not (path / EVALUATION).exists():
        return table
    further = opened(path / EVALUATION)
    if "evaluated" not in further.attrs:
        raise VaejaxError(f"{path / EVALUATION} is nothing that vaejax evaluate wrote: take it out of the folder")
    names = further.attrs["evaluated"].split()
    told = {name: further.attrs[name] for name in ("evaluated", "not_measured", "warnings", "held_examples")}
    return table.assign({name: further[name] for name in names}).assign_attrs(told)


def opened(path: Path) -> "xr.Dataset":
    """The table in a file of netCDF. Raises: VaejaxError where it cannot be read."""
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="scipy") as opened:
            return opened.load()
    except (OSError, ValueError, TypeError) as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise VaejaxError(f"cannot read {path}: {why}; put it back, or train again with another --out") from error


def read_run(path: Path) -> tuple[Config, Mapping[str, Any], Result]:
    """What was asked for, what was noted of the data, and the result, of a finished run. Raises: VaejaxError."""
    dataset = read_table(path)
    config, noted = folder.read_config(path)
    return config, noted, result_of(path, config, noted, dataset)


def result_of(path: Path, config: Config, noted: Mapping[str, Any], dataset: "xr.Dataset") -> Result:
    """A table that was read, with its members. Raises: VaejaxError where their parameters cannot be read."""
    facts = configured.facts_from(noted)
    member, axes = configured.member_of(config, facts), axes_of(config)

    def read(shapes: list[Any]) -> list[Any]:
        named = {f"program_{i}": shape for i, shape in enumerate(shapes)}
        return list(store.load(path / "params", named).values())

    return restored(member, facts.data_shape, dataset, read, **axes)


class SoFar(NamedTuple):
    """What a run that goes on has come to: its members at their best so far, as they were saved last, when so many
    steps of those in training were done (0 where none was in training)."""

    result: Result
    step: int


def so_far(path: Path, config: Config, noted: Mapping[str, Any], dataset: "xr.Dataset") -> SoFar:
    """Of a run that is not finished, from its newest good checkpoint; it may be going on, and is not disturbed.

    dataset: its histories so far, over the axes. Raises: VaejaxError why there are no members to be used.
    """
    if (path / "search.json").exists():
        raise VaejaxError("a search has them at its end")
    facts, found = configured.facts_from(noted), newest_in(path / folder.CHECKPOINTS, PARTS)
    member, size = configured.member_of(config, facts), min(config.batch_size, facts.num_train)
    return SoFar(restored_so_far(member, facts.data_shape, size, dataset, found, **axes_of(config)), found.step)


def evaluate(
    run: Run,
    measures: Sequence[evaluation.Measure],
    num_samples: int | None = None,
    on_measured: Callable[[str, float], Any] = lambda name, seconds: None,
) -> "xr.Dataset":
    """The table of the run with more columns. With `num_samples` its own are measured again, with so many draws."""
    result = run.result
    if num_samples is not None:
        started = time.perf_counter()
        result = result._replace(dataset=remeasured(result, run.data, num_samples))
        on_measured("the table itself", time.perf_counter() - started)
    return evaluation.evaluate(result, run.data, measures, on_measured=on_measured)


def nearest_to(answer: Answer, where: Mapping[str, Any]) -> dict[str, Any]:
    """The chosen member, or the one that differs from it by `where`."""
    if not answer.member:
        raise VaejaxError("every member of this run diverged: there is none to be used")
    return {**answer.member, **where}


def with_table(path: Path, run: Run) -> Run:
    """A run that is open, with what has been measured of it by now."""
    result = run.result._replace(dataset=read_table(path))
    return run._replace(result=result, answer=answer_of(run.config, (result, *run.rounds)))
