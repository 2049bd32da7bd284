"""history.jsonl: what happened in training, a line for each segment, and at the end what was optimised."""

import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaejax.tables import plain, rows_of

if TYPE_CHECKING:
    import xarray as xr


class History:
    """history.jsonl of the run in a folder: a line for each segment, and a last one.

    The first line that is written cuts off what a run that was killed wrote after the segment before it. Segments are
    counted over the whole grid, and those of which nothing is trained have no line. Where members are trained in waves,
    a later wave has the same segments again, and says how many members of its program came before it.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.begun = folder / "history.jsonl", False

    def append(self, dataset: "xr.Dataset") -> None:
        """The segment that has just ended: the members that were trained and what they maximised."""
        names = [name for name in dataset.data_vars if str(name).startswith(("history_", "objective_"))]
        at = dataset.sel(epoch=dataset.attrs["epoch"])
        rows, wave = rows_of(at, names), dataset.attrs["wave"]
        rows = [{n: v for n, v in rows[i].items() if n != "program"} for i in dataset.attrs["members"]]
        line = {"epoch": dataset.attrs["epoch"], "epochs": dataset.attrs["epochs"], "members": rows}
        self._write(dataset, {"segment": dataset.attrs["segment"], **({"wave": wave} if wave else {}), **line})

    def end(self, dataset: "xr.Dataset") -> None:
        """The objective that was really optimised at the end, for every member."""
        names = [name for name in dataset.data_vars if str(name).startswith("objective_")]
        rows = [{n: v for n, v in row.items() if n != "program"} for row in rows_of(dataset, names)]
        words = {name: dataset.attrs[name] for name in ("formula", "constants", "reduction")}
        line = {"objective": {**words, "units": "nats per example", "members": rows}}
        self._write(dataset, {"segment": dataset.attrs["num_programs"] * dataset.sizes["epoch"], **line})

    def _write(self, dataset: "xr.Dataset", line: Mapping[str, Any]) -> None:
        """What is told of a segment, from 0, of a run like that of the table."""
        each = dataset.sizes["epoch"]
        with self.path.open("a+b") as file:
            if not self.begun:
                file.seek(0)
                before = itertools.takewhile(lambda text: _place(_read(text), each) < _place(line, each), file)
                file.truncate(sum(map(len, before)))
            file.write(json.dumps(plain(line)).encode() + b"\n")
        self.begun = True


def _read(text: bytes) -> Mapping[str, Any]:
    """A line; empty where it tells of nothing, as it was cut off while it was written."""
    try:
        found = json.loads(text) if text.endswith(b"\n") else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _place(line: Mapping[str, Any], each: int) -> tuple[float, ...]:
    """Of a line among the others: program, wave, segment; the last where it tells of none. each: segments of a program.

    >>> _place({"segment": 7, "wave": 3}, 5) < _place({"segment": 6, "wave": 4}, 5) < _place({}, 5)
    True
    """
    number = line.get("segment")
    return (number // each, line.get("wave", 0), number) if isinstance(number, int) else (math.inf,)
