from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from tyro.conf import OmitArgPrefixes

from vaejax import configured, folder, report, saved, transfer, verbs, written
from vaejax.config import Config, LikelihoodName, axes_of, check
from vaejax.data import digest
from vaejax.errors import VaejaxError
from vaejax.grid import Keeper
from vaejax.history import History
from vaejax.numerics import leaves_by_path, require_count, require_number
from vaejax.progress import Progress
from vaejax.stopping import asked_to_stop

from ._given import Which
from ._run import Keeping, run_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr

    from vaejax.data import Data
    from vaejax.grid import Member
    from vaejax.types import VAE, Number, Trainer

SIZES, MOST = (10, 100, 1000), 10_000  # target examples of a comparison by default
OF_THE_MODEL = ("data", "likelihood", "epochs", "learning_rate")  # what is asked of a target beside the comparison
COMPARISON, TABLE = "comparison", "transfer.nc"
SEEN = (
    "The source was trained on these very data, all of them: what it gains is what it has seen already, and tells "
    "nothing of a transfer."
)


@dataclass(frozen=True)
class Target:
    """What the source is to be transferred to."""

    data: str
    """Other data: digits, fashion_mnist, mnist, tfds:NAME, or a .npy or .npz file."""
    likelihood: LikelihoodName | None = None
    """Of the target's values. By default that of the source, or what fits the data where none was named for it."""
    epochs: int = 50
    """Passes over the target's training split, for the model that is handed over."""
    sizes: tuple[int, ...] = ()
    """Numbers of target examples at which starting from the source is compared with starting from scratch. By default
    10, 100, 1,000 and all, of at most 10,000."""
    steps: int = 1000
    """Of every model that is compared."""
    seeds: int = 3
    """Of every model that is compared: choices of examples, and of where scratch starts."""
    learning_rate: float | None = None
    """By default that of the source."""
    margin: float | None = None
    """What a gain must exceed, as a part of the best bound from scratch. By default that of the source."""
    margin_nats: float | None = None
    """The same in nats per example, in place of that part."""
    compare: bool = True
    """Ask whether it is worth it. Without, the model that starts from the source is trained alone."""


@dataclass(frozen=True, kw_only=True)
class Transfer(Which):
    """A trained model taken to other data, and whether that was worth it: learning curves from it and from scratch.

    vaejax transfer runs/digits --data fashion_mnist --out runs/transferred
    """

    target: OmitArgPrefixes[Target]
    keeping: OmitArgPrefixes[Keeping]

    def run(self) -> int:
        """0; writes a run that started from the source, and transfer.csv, .nc, .png and worth.json beside it."""
        target, keeping, out = self.target, self.keeping, self.keeping.out
        if keeping.resume and folder.finished(out):
            print(f"The run in {out} is finished. Its report: {out / 'report.html'}")
            return 0
        require_count("steps", target.steps)
        require_count("seeds", target.seeds, least=2)
        require_number("save_every", keeping.save_every, least=0.0)
        folder.refuse_used(out.expanduser(), resume=keeping.resume)  # before anything is read
        chosen = saved.load_chosen(self.run_folder, **self.where())
        source, config = chosen.member, _config(target, chosen)
        data = configured.read_data(config)
        sizes = sizes_of(target, data)
        print(_told(config, data, source))
        worth = None
        with folder.run_folder(out, resume=keeping.resume) as path:
            _begin(path, config, data, _asked(target, source, sizes), self._again(chosen))
            if target.compare:
                table = _compared(path, target, config, keeping, data, source, sizes)
                worth = transfer.worth(table, margin=config.margin, margin_nats=config.margin_nats)
                if _seen_before(self.run_folder, data):
                    worth = worth._replace(warnings=(*worth.warnings, SEEN))
                _write(path, table, worth)
            run_in(path, config, keeping, lambda model: transfer.from_source(model, source))
        if worth is not None:
            print(f"\n{worth}")
        print(f"The model that started from the source: {out} (its report: {out / 'report.html'})")
        return 0

    def _again(self, chosen: saved.Chosen) -> dict[str, Any]:
        """What a command needs that trains the model again."""
        place = {name: chosen.place[name] for name in ("beta", "latent_size")}
        target = {name: getattr(self.target, name) for name in OF_THE_MODEL}
        return {"source": str(self.run_folder), "place": place, "target": target}


def _config(target: Target, source: saved.Chosen) -> Config:
    """That of the source for the target's data, at the source's own place in its grid. Raises: VaejaxError."""
    before, place = source.config, source.place
    rate = place["learning_rate"] if target.learning_rate is None else target.learning_rate
    same = before.data == target.data
    config = replace(
        before,
        data=target.data,
        binarise=before.binarise if same else "auto",
        levels=before.levels if same else None,
        likelihood=target.likelihood or before.likelihood,
        beta=(place["beta"],),
        latent_size=(place["latent_size"],),
        widest=None,
        learning_rate=(rate,),
        seeds=1,
        first_seed=0,
        epochs=target.epochs,
        **_margin(target),
        **{name: (place[name],) for name in ("width", "weight_decay") if name in place},
    )
    check(config)
    return config


def _margin(target: Target) -> dict[str, float | None]:
    """Nats take the place of a part, and a part that was asked for that of the source's nats."""
    part = {} if target.margin is None else {"margin": target.margin, "margin_nats": None}
    return part if target.margin_nats is None else {**part, "margin_nats": target.margin_nats}


def sizes_of(target: Target, data: Data) -> list[int]:
    """The numbers of target examples that are compared. Raises: VaejaxError."""
    most = min(len(data.train), MOST)
    if not target.sizes:
        return sorted({size for size in (*SIZES, most) if size <= most})
    for size in target.sizes:
        if require_count("a target size", size) > len(data.train):
            raise VaejaxError(f"{data.name} has {len(data.train):,} training examples, and --sizes asks for {size:,}")
    return sorted(set(target.sizes))


def _member(config: Config, data: Data, started: Callable[[VAE], VAE], steps: int) -> Trainer:
    """The one member of a configuration, whose learning rate falls over so many steps."""
    facts = configured.facts_of(data)._replace(num_train=config.batch_size)  # an epoch of one batch is a step
    make = configured.member_of(replace(config, epochs=steps), facts, started)
    return make(**{name: values[0] for name, values in axes_of(config).items() if name != "seed"})


def _told(config: Config, data: Data, source: Member) -> str:
    """What is copied of the source, array by array. Raises: VaejaxError where nothing can be."""
    model = _member(config, data, configured.as_it_is, 1).model
    params = verbs.init(jax.random.key(0), model, jnp.zeros((1, *model.data_shape)))
    return str(transfer.started_from(source, (model, params)))


def _seen_before(source: Path, data: Data) -> bool:
    """Whether the data are those of the source."""
    return folder.read_config(source.expanduser())[1]["sha256"] == digest(data)


def _asked(target: Target, source: Member, sizes: list[int]) -> dict[str, Any]:
    """What a comparison rests on, beside the configuration and the data."""
    sha = hashlib.sha256()
    for path, leaf in leaves_by_path(source.params).items():
        sha.update(path.encode())
        sha.update(np.asarray(leaf).tobytes())
    compared = {"sizes": sizes, "steps": target.steps, "seeds": target.seeds}
    return {"compare": target.compare, "source": sha.hexdigest(), **(compared if target.compare else {})}


def _begin(path: Path, config: Config, data: Data, asked: dict[str, Any], again: dict[str, Any]) -> None:
    """What is asked is noted, and what makes it again. Raises: VaejaxError where the folder is of something else."""
    note = path / "transfer.json"
    if not note.exists() and ((path / "history.jsonl").exists() or (path / folder.CHECKPOINTS).exists()):
        raise VaejaxError(f"{path} holds a run that is no transfer: go on with vaejax sweep, or choose another --out")
    folder.write_config(path, config, data)
    if not note.exists():
        folder.write_json(note, {"asked": asked, "again": again})
    before = json.loads(note.read_text())["asked"]
    different = [name for name in asked if before.get(name) != asked[name]]
    if different:
        told = [f"{name} was {before.get(name)} and is now {asked[name]}" for name in different]
        raise VaejaxError(
            f"{path} holds another transfer: {'; '.join(told)}; repeat its command, or choose another --out"
        )


def _compared(
    path: Path, target: Target, config: Config, keeping: Keeping, data: Data, source: Member, sizes: list[int]
) -> xr.Dataset:
    """Learning curves from the source and from scratch, trained as one grid; read, where they were before."""

    def member(share: Number) -> Trainer:
        return _member(config, data, lambda model: transfer.from_source(model, source, share=share), target.steps)

    if not (path / TABLE).exists():
        num = 2 * len(sizes) * target.seeds
        print(f"comparing at {', '.join(f'{size:,}' for size in sizes)} examples: {num} models of {target.steps} steps")
        (path / COMPARISON).mkdir(exist_ok=True)
        progress = Progress(target.steps, History(path / COMPARISON), time.perf_counter(), "step")
        with progress, asked_to_stop() as stop:
            table = transfer.learning_curves(
                member,
                data,
                {"scratch": {"share": 0.0}, "source": {"share": 1.0}},
                sizes=sizes,
                steps=target.steps,
                seeds=range(target.seeds),
                batch_size=config.batch_size,
                num_samples=configured.num_samples_of(config, data),
                plan=configured.asked_plan(config),
                mesh=configured.asked_mesh(config),
                on_segment=progress.update,
                keep=Keeper(path / folder.CHECKPOINTS / COMPARISON, keeping.save_every, stop),
            )
        written.write_table(path / TABLE, table)
    return saved.opened(path / TABLE)


def _write(path: Path, table: xr.Dataset, worth: transfer.Worth) -> None:
    """What was compared, and what came of it, beside the run."""
    written.write_text(path / "transfer.csv", table[["elbo", "elbo_train", "status"]].to_dataframe().to_csv())
    written.write_bytes(path / "transfer.png", report.learning_curves(table, worth))
    gains = [
        {**gain._asdict(), "examples": gain.examples._asdict(), "steps": gain.steps._asdict()} for gain in worth.gains
    ]
    folder.write_json(path / "worth.json", {**worth._asdict(), "gains": gains})
