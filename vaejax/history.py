"""history.jsonl: what happened in training, a line for each segment, and at the end what was optimised."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaejax.tables import plain, rows_of

if TYPE_CHECKING:
    import xarray as xr


def append_history(path: Path, dataset: "xr.Dataset") -> None:
    """history.jsonl: a line for each segment, with the members that were trained and what they maximised."""
    names = [name for name in dataset.data_vars if str(name).startswith(("history_", "objective_"))]
    at = dataset.sel(epoch=dataset.attrs["epoch"])
    rows = [row for row in rows_of(at, names) if row.pop("program") == dataset.attrs["program"]]
    line = {"epoch": dataset.attrs["epoch"], "epochs": dataset.attrs["epochs"], "members": rows}
    _write_line(path, dataset.attrs["segment"], line)


def end_history(path: Path, dataset: "xr.Dataset") -> None:
    """The last line of history.jsonl: the objective that was really optimised at the end, for every member."""
    names = [name for name in dataset.data_vars if str(name).startswith("objective_")]
    rows = [{n: v for n, v in row.items() if n != "program"} for row in rows_of(dataset, names)]
    words = {name: dataset.attrs[name] for name in ("formula", "constants", "reduction")}
    line = {"objective": {**words, "units": "nats per example", "members": rows}}
    _write_line(path, dataset.attrs["num_programs"] * dataset.sizes["epoch"], line)


def _write_line(path: Path, number: int, line: Mapping[str, Any]) -> None:
    """Line `number`, from 0, of history.jsonl; what a run that was killed wrote after the line before it is cut off."""
    with (path / "history.jsonl").open("a+b") as file:
        file.seek(0)
        kept = sum(len(text) for text, _ in zip(file, range(number), strict=False) if text.endswith(b"\n"))
        file.truncate(kept)
        file.seek(kept)
        file.write(json.dumps(plain(line)).encode() + b"\n")
