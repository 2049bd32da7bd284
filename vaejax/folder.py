"""The folder of a run: everything there is to know about a trained grid, in files that anyone can read."""

import fcntl
import json
import os
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
from vaejax.config import Config
from vaejax.configured import facts_of, noted, require_known
from vaejax.data import Data, digest
from vaejax.errors import OutputError, VaejaxError
from vaejax.grid import Result
from vaejax.tables import plain, results_csv
from vaejax.versions import versions

if TYPE_CHECKING:
    import xarray as xr

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy", "xarray", "orbax-checkpoint")
FORMAT = 1
FLAT = 0.1  # nats; a bound that moves less over the last 20% of the epochs was trained long enough
CHECKPOINTS = "checkpoints"
ROUNDS = "rounds"  # of a search: the grids that followed the first, a folder each


def finished(path: Path) -> bool:
    """Whether a folder holds a run that came to its answer, which is written last."""
    return (path.expanduser() / "answer.json").exists()


@contextmanager
def run_folder(path: Path, *, resume: bool) -> Generator[Path]:
    """A folder to write a run into: a new or an empty one, or with `resume` that of a run that did not finish.

    While it is open no other process may write into it. If the run ends with an error before anything was trained,
    what was made is removed again; what was trained stays.
    Raises: OutputError where the folder holds something else or cannot be written, before anything is done.
    """
    path = path.expanduser()
    refuse_used(path, resume=resume)
    try:
        missing = [path, *path.parents][: next(i for i, p in enumerate([path, *path.parents]) if p.exists())]
        fresh = not (path / "config.json").exists()
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise OutputError(f"cannot write to {path}: {error.strerror or error}; choose another --out") from None
    with _locked(path):
        try:
            yield path
        except BaseException:
            if fresh and not (path / "history.jsonl").exists() and not any(path.glob(f"{CHECKPOINTS}/*")):
                for child in path.iterdir():
                    shutil.rmtree(child) if child.is_dir() else child.unlink()
                for made in missing:
                    made.rmdir()
            raise


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """The folder, for this process alone; the lock ends with the process, however that ends."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise OutputError(f"another process is writing into {path}; wait for it, or choose another --out") from None
    finally:
        os.close(descriptor)


def refuse_used(path: Path, *, resume: bool) -> None:
    """Raises: OutputError where a run cannot be written, as there is something else, or it is finished."""
    try:
        if not path.exists():
            return
        if not path.is_dir():
            raise OutputError(f"expected --out to be a folder, and {path} is a file; choose another")
        if not any(path.iterdir()):
            return
    except OSError as error:
        raise OutputError(f"cannot look into {path}: {error.strerror or error}; choose another --out") from None
    if finished(path):
        raise OutputError(f"{path} holds a finished run; its report is {path / 'report.html'}. Choose another --out")
    if (path / "config.json").exists():
        if resume:
            return
        raise OutputError(f"{path} holds a run that did not finish; go on with --resume, or choose another --out")
    raise OutputError(f"{path} is not empty, and nothing is written over; choose another --out, or empty it")


def write_config(path: Path, config: Config, data: Data) -> None:
    """config.json: what was asked, with which versions, on which data.

    Raises: VaejaxError where the folder is that of a run that was asked for something else, naming the difference.
    """
    if (path / "config.json").exists():
        _require_same(path, config, data)
    else:
        note_config(path, config, data)


def note_config(path: Path, config: Config, data: Data) -> None:
    """config.json, whatever it was before."""
    found = {
        "name": data.name,
        "sha256": digest(data),
        "preparation": data.preparation,
        "file": _beside(path, config.data),
        **noted(facts_of(data)),
        "examples": {name: len(split) for name, split in data.splits.items()},
    }
    device = {"platform": jax.default_backend(), "count": jax.device_count()}
    write_json(
        path / "config.json",
        {
            "format": FORMAT,
            "config": asdict(config),
            "data": found,
            "versions": {**versions(PACKAGES), "python": platform.python_version()},
            "devices": device,
        },
    )


def _beside(path: Path, source: str) -> str | None:
    """Where a file is as seen from a folder, which stays as it is where both are moved; `None` where it is none."""
    file = Path(source).expanduser()
    return os.path.relpath(file.resolve(), path.resolve()) if file.is_file() else None


def _require_same(path: Path, config: Config, data: Data) -> None:
    before, noted_data = read_config(path)
    was, now = asdict(before), asdict(config)
    free = ("mesh",)  # devices decide no more than last digits, of which the checkpoints warn
    different = [name for name in now if name not in free and was[name] != now[name]]
    if different:
        told = [f"--{n.replace('_', '-')} was {said(was[n])} and is now {said(now[n])}" for n in different]
        raise VaejaxError(
            f"{path} holds a run of another configuration: {'; '.join(told)}; repeat its command, or choose "
            "another --out"
        )
    require_same_data(path, config, data, noted_data)


def require_same_data(path: Path, config: Config, data: Data, noted_data: Mapping[str, Any]) -> None:
    """Raises: VaejaxError where these are not the data that the run in `path` was begun with."""
    if digest(data) != noted_data["sha256"]:
        raise VaejaxError(
            f"{config.data} has changed since the run in {path} began: its hash is not the one in config.json"
        )


def said(value: Any) -> str:
    """As one would say it at the command line."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else "not given" if value is None else str(value)


def rounds_of(path: Path) -> list[Path]:
    """The folders of the grids of a search that followed its first, in order; none where it was no search."""
    return sorted((path / ROUNDS).glob("*"), key=lambda folder: int(folder.name))


def require_finished(path: Path) -> None:
    """Raises: VaejaxError where a folder holds no finished run."""
    if not finished(path):
        goes_on = "; the run there did not finish: go on with --resume" if (path / "config.json").exists() else ""
        raise VaejaxError(f"expected the folder of a finished run, and there is no answer.json in {path}{goes_on}")


def read_config(path: Path) -> tuple[Config, Mapping[str, Any]]:
    """The configuration of a run and what was noted of its data. Raises: VaejaxError."""
    try:
        found = json.loads((path / "config.json").read_text())
        if found["format"] != FORMAT:
            raise VaejaxError(f"{path} was written in format {found['format']}, and this version reads {FORMAT}")
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in found["config"].items()}
        config, noted_data = Config(**values), {**found["data"]}
        noted_data["sha256"], noted_data["examples"]  # what nothing can be done without
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, VaejaxError):
            raise
        raise VaejaxError(f"cannot read {path / 'config.json'}: {error}") from error
    try:
        require_known(config)
    except VaejaxError as error:
        raise VaejaxError(f"{path / 'config.json'} was changed: {error}") from error
    return config, noted_data


def answer_json(answer: Answer, dataset: "xr.Dataset") -> dict[str, Any]:
    """The answer, and whether training was long enough for it."""
    drift = dataset["drift"].values[np.isfinite(dataset["drift"].values)]
    flat = bool(len(drift) and (np.abs(drift) < FLAT).all())
    sizes = [size._asdict() for size in answer.sizes]
    return plain({**answer._asdict(), "sizes": sizes, "flat": flat})


def write_result(path: Path, result: Result) -> None:
    """results.nc, results.csv and the parameters."""
    result.dataset.to_netcdf(path / "results.nc", engine="scipy")
    (path / "results.csv").write_text(results_csv(result.dataset))
    shutil.rmtree(path / "params", ignore_errors=True)  # of a run that was killed while it wrote them
    store.save(path / "params", {f"program_{i}": params for i, params in enumerate(result.params)})


def write_json(path: Path, value: Any) -> None:
    """A file of indented JSON, whole or not at all; what is not finite is null."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(plain(value), indent=2) + "\n")
    temporary.replace(path)
