from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vaejax import folder, saved
from vaejax.config import axes_of
from vaejax.errors import VaejaxError
from vaejax.grid import DESCRIPTIONS
from vaejax.report import Shown
from vaejax.showing._commands import commands_of
from vaejax.showing._facts import facts_of, name_of
from vaejax.showing._pictures import drawn, undrawn

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from vaejax.config import Config

HISTORIES = ("history_validation", "history_value", "history_distortion", "history_rate")
NOT_BEGUN = "not begun"
LATER = "What the test split says and the answer come at the end."
BUSY = "the processor may still draw them, where JAX_PLATFORMS=cpu stands before the command"


class _Segment(NamedTuple):
    """A line of history.jsonl: members that were trained, by their values on every axis and what was told of them."""

    epoch: int
    members: list[Mapping[str, Any]]


def shown_so_far(path: Path) -> Shown:
    """A run that has not come to its answer: its curves so far, its members as they were saved last, and what is
    missing.

    It may be going on meanwhile, and is not disturbed: its folder is read, and a line that is only half written is left
    out. Raises: VaejaxError where its configuration cannot be read.
    """
    config, noted = folder.read_config(path)
    segments = _segments(path / "history.jsonl")
    axes = _axes(config, segments)
    attrs = {"epochs": config.epochs, "batch_size": config.batch_size, "data": str(noted.get("name", config.data))}
    attrs |= {f"num_{split}": num for split, num in noted["examples"].items()}
    attrs |= {"preparation": str(noted["preparation"])} if "preparation" in noted else {}
    dataset = _table(axes, segments).assign_attrs(attrs)
    commands, unknown = ({}, ()) if (path / "search.json").exists() else commands_of(path, [config])
    missing = (_told(path, config, segments, dataset), LATER, *unknown)
    shown = Shown(dataset, commands=commands, facts=facts_of(path), missing=missing, name=name_of(path))
    return _with_pictures(path, config, noted, shown)


def _with_pictures(path: Path, config: Config, noted: Mapping[str, Any], shown: Shown) -> Shown:
    """With portraits of the members that were saved, and a line on when that was; or with the reason why not."""
    try:
        found = saved.so_far(path, config, noted, shown.dataset)
        pictured = drawn(shown, [found.result], saved.data_of(path, config, noted))
    except VaejaxError as error:
        return undrawn(shown, error)
    except RuntimeError as error:  # of jax, where the run has the devices, or their memory
        return undrawn(shown, f"{next(iter(str(error).splitlines()), type(error).__name__)}; {BUSY}")
    told = _when(found.step, config, noted["examples"]["train"], pictured)
    return pictured._replace(missing=(*pictured.missing, told))


def _when(step: int, config: Config, num_train: int, shown: Shown) -> str:
    """From when the pictures are, and how many members have none."""
    epoch = step // -(-num_train // min(config.batch_size, num_train))
    trained = f", in which those in training have come to epoch {epoch:,} of {config.epochs:,} (step {step:,})"
    num, there = shown.dataset["status"].size, len(shown.portraits)
    others = f" Of {num} members {num - there} have none: they are not so far, or diverged." if there < num else ""
    where = f"They are from the last checkpoint{trained if step else ''}.{others}"
    return f"Pictures are of each member at its best so far on validation. {where}"


def _segments(path: Path) -> list[_Segment]:
    """Those that are told of in whole lines."""
    found = []
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    for line in lines:
        try:
            told = json.loads(line)
            found.append(_Segment(int(told["epoch"]), [dict(member) for member in told["members"]]))
        except (ValueError, KeyError, TypeError):
            continue  # the line of the end, or one that was cut off while it was written
    return found


def _axes(config: Config, segments: Sequence[_Segment]) -> dict[str, list[Any]]:
    """The axes that were asked for; of a search, which chooses sizes itself, the values that were trained so far."""
    axes = axes_of(config)
    if all(axes.values()):
        return axes
    members = [member for segment in segments for member in segment.members]
    known = {name: sorted({member[name] for member in members if name in member}) for name in axes}
    found = {name: known[name] or values for name, values in axes.items()}
    return {name: values for name, values in found.items() if values}


def _table(axes: Mapping[str, list[Any]], segments: Sequence[_Segment]) -> xr.Dataset:
    """Histories over the axes; NaN where nothing is known yet."""
    import xarray as xr

    shape, dims = tuple(len(values) for values in axes.values()), tuple(axes)
    epochs = sorted({segment.epoch for segment in segments})
    histories = {name: np.full((*shape, len(epochs)), np.nan) for name in HISTORIES}
    status = np.full(shape, NOT_BEGUN, dtype=object)
    for segment in segments:
        at = epochs.index(segment.epoch)
        for member in segment.members:
            place = _place(axes, member)
            if place is None:
                continue
            for name in HISTORIES:
                value = member.get(name)
                histories[name][(*place, at)] = np.nan if value is None else value
            status[place] = "diverged" if member.get("history_validation") is None else "ok"
    told = {name: ((*dims, "epoch"), values, {"description": DESCRIPTIONS[name]}) for name, values in histories.items()}
    told = told if epochs else {}
    known = {"description": "ok so far, diverged: not finite any more, or not begun"}
    return xr.Dataset({**told, "status": (dims, status.astype(str), known)}, {**axes, "epoch": epochs})


def _place(axes: Mapping[str, list[Any]], member: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Where a member stands; `None` where it is none of this grid."""
    if any(member.get(name) not in values for name, values in axes.items()):
        return None
    return tuple(values.index(member[name]) for name, values in axes.items())


def _told(path: Path, config: Config, segments: Sequence[_Segment], dataset: xr.Dataset) -> str:
    """How far training has come."""
    begun, num = int((dataset["status"].values != NOT_BEGUN).sum()), dataset["status"].size
    others = f" with {begun} of {num} members; the others follow" if begun < num else ""
    start = "The run has not come to its end: it goes on, or was stopped and goes on with --resume. "
    if (path / "search.json").exists() and not begun:
        return f"{start}The search has not come to its first grid."
    if not segments:
        return f"{start}Training has not come to the end of its first segment."
    if segments[-1].epoch == config.epochs and not others:
        return f"{start}Training is over, and members are being measured."
    trained = len(segments[-1].members)  # fewer than all where others were before, have ended or follow
    those = f", which {trained} of {begun} members are at" if not others and trained < begun else ""
    return f"{start}Training has come to epoch {segments[-1].epoch:,} of {config.epochs:,}{those}{others}."
