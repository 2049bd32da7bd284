from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from vaejax.lines import command_of_member, command_of_transfer, places_of
from vaejax.showing._facts import name_of, read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vaejax.config import Config

STARTED = "Commands are not given: this model started from another one, and the folder does not say which."


def commands_of(path: Path, configs: Sequence[Config]) -> tuple[dict[int, str], tuple[str, ...]]:
    """What trains each member again, those of further grids after those of the first; and why that is not known."""
    name = name_of(path)
    if (path / "transfer.json").exists():
        again = read_json(path / "transfer.json").get("again")
        return ({}, (STARTED,)) if again is None else ({0: command_of_transfer(**again, out=f"{name}-1")}, ())
    placed = itertools.chain(*([(one, place) for place in places_of(one)] for one in configs))
    return {at: command_of_member(one, place, f"{name}-{at + 1}") for at, (one, place) in enumerate(placed)}, ()
