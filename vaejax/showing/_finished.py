from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from vaejax import folder, report, saved
from vaejax.errors import VaejaxError
from vaejax.lines import command_of_member, command_of_transfer, places_of
from vaejax.report import Shown
from vaejax.showing._facts import facts_of, name_of, read_json
from vaejax.types import Example

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import xarray as xr

    from vaejax.config import Config
    from vaejax.data import Data
    from vaejax.grid import Result
    from vaejax.report import Portrait

NUM_SHOWN, NUM_PLACED = 12, 300  # of the test split: examples as pictures, and as codes in a plane
STARTED = "Commands are not given: this model started from another one, and the folder does not say which."


def shown_of(path: Path, run: saved.Run) -> Shown:
    """A finished run that is open, and what its folder says of how it was made; with portraits of all members."""
    results = (run.result, *run.rounds)
    tables = [result.dataset for result in results]
    configs = [run.config, *(folder.read_config(one)[0] for one in folder.rounds_of(path))]
    shown = _without_pictures(path, configs, run.answer, tables)
    return _with_pictures(shown, lambda: run.data, lambda: results)


def write_report(path: Path, run: saved.Run) -> None:
    """report.html of a finished run that is open."""
    report.write(path / "report.html", shown_of(path, run))


def shown_again(path: Path) -> Shown:
    """A finished run from its folder. What is damaged beside its table is missing, and the reason is told.

    Raises: VaejaxError where its table or its configuration cannot be read.
    """
    folders = (path, *folder.rounds_of(path))
    configs, noted = zip(*map(folder.read_config, folders), strict=True)
    tables = [saved.read_table(one) for one in folders]
    shown = _without_pictures(path, configs, saved.answer_from(configs[0], tables), tables)

    def results() -> list[Result]:
        return [saved.result_of(*one) for one in zip(folders, configs, noted, tables, strict=True)]

    return _with_pictures(shown, lambda: saved.data_of(path, configs[0], noted[0]), results)


def examples_of(data: Data, num: int) -> Example:
    """Examples of the test split as the model sees them, drawn with a fixed key."""
    raw = jax.tree.map(lambda leaf: jnp.asarray(leaf[:num]), data.raw("test"))
    return jax.vmap(data.example)(jax.random.split(jax.random.key(0), len(raw.x)), raw)


def _without_pictures(path: Path, configs: Sequence[Config], answer: Any, tables: Sequence[xr.Dataset]) -> Shown:
    commands, missing = _commands(path, configs)
    return Shown(
        tables[0],
        answer,
        tuple(tables[1:]),
        commands=commands,
        facts=facts_of(path),
        missing=missing,
        name=name_of(path),
    )


def _commands(path: Path, configs: Sequence[Config]) -> tuple[dict[int, str], tuple[str, ...]]:
    """What trains each member again, those of further grids after those of the first; and why that is not known."""
    if (path / "transfer.json").exists():
        again = read_json(path / "transfer.json").get("again")
        return ({}, (STARTED,)) if again is None else ({0: command_of_transfer(**again, out=f"{name_of(path)}-1")}, ())
    placed = itertools.chain(*([(one, place) for place in places_of(one)] for one in configs))
    name = name_of(path)
    return {at: command_of_member(one, place, f"{name}-{at + 1}") for at, (one, place) in enumerate(placed)}, ()


def _with_pictures(shown: Shown, read: Callable[[], Data], restore: Callable[[], Sequence[Result]]) -> Shown:
    """With portraits; or with the reason why there are none, as what was measured is worth a page without them."""
    try:
        return _drawn(shown, restore(), read())
    except VaejaxError as error:
        return shown._replace(missing=(*shown.missing, f"There are no pictures of members: {error}."))


def _drawn(shown: Shown, results: Sequence[Result], data: Data) -> Shown:
    examples = examples_of(data, NUM_PLACED)
    portraits: dict[int, Portrait] = {}
    begin = 0
    for result in results:
        found = report.portraits(jax.random.key(0), result, examples, chosen=_member(shown), live_of=report.live_of)
        portraits.update({begin + place: portrait for place, portrait in found.items()})
        begin += result.dataset["status"].size
    labels = data.labels.get("test")
    first: np.ndarray = jax.device_get(examples.x[:NUM_SHOWN])
    labels = None if labels is None else labels[: len(examples.x)]
    return shown._replace(portraits=portraits, examples=first, labels=labels, entries=data.entry_names)


def _member(shown: Shown) -> Mapping[str, Any]:
    return {} if shown.answer is None else shown.answer.member or {}
