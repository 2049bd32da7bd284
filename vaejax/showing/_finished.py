from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaejax import folder, report, saved
from vaejax.errors import VaejaxError
from vaejax.report import Shown
from vaejax.showing._commands import commands_of
from vaejax.showing._facts import facts_of, name_of
from vaejax.showing._pictures import drawn, undrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import xarray as xr

    from vaejax.config import Config
    from vaejax.data import Data
    from vaejax.grid import Result


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


def _without_pictures(path: Path, configs: Sequence[Config], answer: Any, tables: Sequence[xr.Dataset]) -> Shown:
    commands, missing = commands_of(path, configs)
    return Shown(
        tables[0],
        answer,
        tuple(tables[1:]),
        commands=commands,
        facts=facts_of(path),
        missing=missing,
        name=name_of(path),
    )


def _with_pictures(shown: Shown, read: Callable[[], Data], restore: Callable[[], Sequence[Result]]) -> Shown:
    """With portraits; or with the reason why there are none."""
    try:
        return drawn(shown, restore(), read())
    except VaejaxError as error:
        return undrawn(shown, error)
