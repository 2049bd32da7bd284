"""The folder of a run: everything there is to know about a trained grid, in files that anyone can read."""

import csv
import importlib.metadata
import io
import json
import math
import platform
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from vaejax import store
from vaejax.answer import Answer
from vaejax.data import Data, digest
from vaejax.errors import OutputError, VaejaxError
from vaejax.grid import Result
from vaejax.recipes import Config

if TYPE_CHECKING:
    import xarray as xr

PACKAGES = ("vaejax", "jax", "jaxlib", "flax", "optax", "numpy", "scipy", "xarray", "orbax-checkpoint")
FORMAT = 1
MEASURES = (
    "distortion",
    "rate",
    "elbo",
    "log_likelihood",
    "log_likelihood_se",
    "elbo_train",
    "elbo_validation",
    "active_units",
    "num_params",
    "best_epoch",
    "drift",
)
FLAT = 0.1  # nats; a bound that moves less over the last 20% of the epochs was trained long enough


@contextmanager
def new_folder(path: Path) -> Generator[Path]:
    """An empty folder to write a run into; whatever was written is removed again if the run does not end well.

    Raises: OutputError where the folder holds something or cannot be written, before anything is done.
    """
    path = path.expanduser()
    _refuse_used(path)
    try:
        missing = [path, *path.parents][: next(i for i, p in enumerate([path, *path.parents]) if p.exists())]
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror or error}; choose another --out") from None
    try:
        yield path
    except BaseException:
        for child in path.iterdir():
            shutil.rmtree(child) if child.is_dir() else child.unlink()
        for made in missing:
            made.rmdir()
        raise


def _refuse_used(path: Path) -> None:
    try:
        if not path.exists():
            return
        if not path.is_dir():
            raise OutputError(f"expected --out to be a folder, and {path} is a file; choose another")
        if not any(path.iterdir()):
            return
    except OSError as error:
        raise OutputError(f"cannot look into {path}: {error.strerror or error}; choose another --out") from None
    if (path / "answer.json").exists():
        raise OutputError(f"{path} holds a finished run; its report is {path / 'report.html'}. Choose another --out")
    if (path / "config.json").exists():
        raise OutputError(f"{path} holds a run that did not finish; choose another --out, or remove that folder")
    raise OutputError(f"{path} is not empty, and nothing is written over; choose another --out, or empty it")


def write_config(path: Path, config: Config, data: Data) -> None:
    """config.json: what was asked, with which versions, on which data."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()}
    found = {
        "name": data.name,
        "sha256": digest(data),
        "preparation": data.preparation,
        "likelihood": data.likelihood.name,
        "shape": list(data.data_shape),
        "examples": {name: len(split) for name, split in data.splits.items()},
    }
    device = {"platform": jax.default_backend(), "count": jax.device_count()}
    write_json(
        path / "config.json",
        {"format": FORMAT, "config": asdict(config), "data": found, "versions": versions, "devices": device},
    )


def read_config(path: Path) -> tuple[Config, Mapping[str, Any]]:
    """The configuration of a finished run and what was noted of its data. Raises: VaejaxError."""
    if not (path / "answer.json").exists():
        raise VaejaxError(f"expected the folder of a finished run, and there is no answer.json in {path}")
    try:
        found = json.loads((path / "config.json").read_text())
        if found["format"] != FORMAT:
            raise VaejaxError(f"{path} was written in format {found['format']}, and this version reads {FORMAT}")
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in found["config"].items()}
        return Config(**values), found["data"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, VaejaxError):
            raise
        raise VaejaxError(f"cannot read {path / 'config.json'}: {error}") from error


def append_history(path: Path, dataset: "xr.Dataset") -> None:
    """history.jsonl: a line for each segment, with the members that were trained and what they maximised."""
    names = [name for name in dataset.data_vars if str(name).startswith(("history_", "objective_"))]
    at = dataset.sel(epoch=dataset.attrs["epoch"])
    rows = [row for row in rows_of(at, names) if row.pop("program") == dataset.attrs["program"]]
    line = {"epoch": dataset.attrs["epoch"], "epochs": dataset.attrs["epochs"], "members": rows}
    with (path / "history.jsonl").open("a") as file:
        file.write(json.dumps(_plain(line)) + "\n")


def end_history(path: Path, dataset: "xr.Dataset") -> None:
    """The last line of history.jsonl: the objective that was really optimised at the end, for every member."""
    names = [name for name in dataset.data_vars if str(name).startswith("objective_")]
    rows = [{n: v for n, v in row.items() if n != "program"} for row in rows_of(dataset, names)]
    words = {name: dataset.attrs[name] for name in ("formula", "constants", "reduction")}
    with (path / "history.jsonl").open("a") as file:
        file.write(json.dumps(_plain({"objective": {**words, "units": "nats per example", "members": rows}})) + "\n")


def rows_of(dataset: "xr.Dataset", names: list[Any]) -> list[dict[str, Any]]:
    """One dictionary for each member: every axis, the program, then the variables of these names."""
    dims = dataset["status"].dims
    axes = [name for dim in dims for name in dataset.coords if dataset[name].dims == (dim,)]
    flat = dataset.drop_vars([n for n in dataset.data_vars if set(dataset[n].dims) - set(dims)])
    flat = flat.stack(member_=dims, create_index=False)
    columns = [*axes, "program", *names]
    return [{str(n): flat[n].values[i].item() for n in columns} for i in range(flat.sizes["member_"])]


def results_csv(dataset: "xr.Dataset") -> str:
    """A line for each member: its place on every axis, its measures and its status; no times, dates or paths."""
    rows = rows_of(dataset, [*MEASURES, "status"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = [name for name in rows[0] if name != "program"]
    writer.writerow(header)
    writer.writerows([[_cell(row[name]) for name in header] for row in rows])
    return text.getvalue()


def answer_json(answer: Answer, dataset: "xr.Dataset") -> dict[str, Any]:
    """The answer, and whether training was long enough for it."""
    drift = dataset["drift"].values[np.isfinite(dataset["drift"].values)]
    flat = bool(len(drift) and (np.abs(drift) < FLAT).all())
    return _plain({**answer._asdict(), "flat": flat})


def write_result(path: Path, result: Result) -> None:
    """results.nc, results.csv and the parameters."""
    result.dataset.to_netcdf(path / "results.nc", engine="scipy")
    (path / "results.csv").write_text(results_csv(result.dataset))
    store.save(path / "params", {f"program_{i}": params for i, params in enumerate(result.params)})


def write_json(path: Path, value: Any) -> None:
    """A file of indented JSON; what is not finite is null."""
    path.write_text(json.dumps(_plain(value), indent=2) + "\n")


def _plain(value: Any) -> Any:
    """Numbers and containers that JSON knows; NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> str:
    """Whole numbers without a point, others to nine digits, nothing where nothing is known."""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.9g}"
