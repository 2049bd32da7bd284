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
    counted over the whole grid, and those of which nothing is trained have no line.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.begun = folder / "history.jsonl", False

    def append(self, dataset: "xr.Dataset") -> None:
        """The segment that has just ended: the members that were trained and what they maximised."""
        names = [name for name in dataset.data_vars if str(name).startswith(("history_", "objective_"))]
        at = dataset.sel(epoch=dataset.attrs["epoch"])
        rows = [row for row in rows_of(at, names) if row.pop("program") == dataset.attrs["program"]]
        line = {"epoch": dataset.attrs["epoch"], "epochs": dataset.attrs["epochs"], "members": rows}
        self._write(dataset.attrs["segment"], line)

    def end(self, dataset: "xr.Dataset") -> None:
        """The objective that was really optimised at the end, for every member."""
        names = [name for name in dataset.data_vars if str(name).startswith("objective_")]
        rows = [{n: v for n, v in row.items() if n != "program"} for row in rows_of(dataset, names)]
        words = {name: dataset.attrs[name] for name in ("formula", "constants", "reduction")}
        line = {"objective": {**words, "units": "nats per example", "members": rows}}
        self._write(dataset.attrs["num_programs"] * dataset.sizes["epoch"], line)

    def _write(self, number: int, line: Mapping[str, Any]) -> None:
        """What is told of segment `number`, from 0."""
        with self.path.open("a+b") as file:
            if not self.begun:
                file.seek(0)
                before = itertools.takewhile(lambda text: _segment(text) < number, file)
                file.truncate(sum(map(len, before)))
            file.write(json.dumps(plain({"segment": number, **line})).encode() + b"\n")
        self.begun = True


def _segment(text: bytes) -> float:
    """That which a line tells of; infinity where it tells of none, as it was cut off while it was written."""
    try:
        return json.loads(text)["segment"] if text.endswith(b"\n") else math.inf
    except (ValueError, KeyError, TypeError):
        return math.inf
