"""Which plan trains a program fastest on this machine: a guess, and where it pays, measured trials."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from vaejax.errors import VaejaxError
from vaejax.grid._layout import layout_of
from vaejax.grid._mesh import mesh_text, num_places
from vaejax.grid._program import without_addresses
from vaejax.grid._threads import threads_for
from vaejax.grid._training import Training
from vaejax.plans import Plan, plan_of
from vaejax.versions import versions

SMALL = 2**17  # parameters: what more members have does not stay in a processor's own cache
WORTH = 60.0  # seconds of training from which on other plans are tried
SHARE = 0.1  # of the training that is left, what trying may take
STEPS, TRIAL = 3, 0.3  # steps of the first trial of a plan, seconds of the second
SLOWEST = 2e9  # floating-point operations a second that any machine does
GUESS = "a guess: training is too short for trials"
AGAIN = 2  # times that the two fastest are tried once more, in turn
WASTE = 0.25  # of the places, what may be filled up


class Choice(NamedTuple):
    """A plan, and why: it was asked for, guessed, measured now, or measured before."""

    plan: Plan
    reason: str

    def __str__(self) -> str:
        return f"{self.plan} ({self.reason})"


def candidates(seeds: np.ndarray, num_params: int, mesh: Mesh) -> list[Plan]:
    """The plans that are worth trying, the one that is used where nothing is tried first."""
    lanes = min(threads_for(mesh), len(seeds))
    if len(seeds) == 1:
        return [Plan(1)]
    most = int(np.unique(seeds, return_counts=True)[1].max())
    all_at_once = [Plan(None, True, lanes), Plan(None, False, lanes)] if most > 1 else [Plan(None, False, lanes)]
    some = [Plan(8, most >= 8, lanes)] if len(seeds) > 8 * lanes else []
    one = [Plan(1, False, lanes)]
    small = num_params <= SMALL or mesh.devices.flat[0].platform != "cpu"
    found = all_at_once + some + one if small else one + some + all_at_once
    return found[:1] + [plan for plan in found[1:] if _waste(seeds, plan, mesh) <= WASTE]


def choose(
    train: Callable[[Plan], Training], plans: Sequence[Plan], num_steps: int, memory: int
) -> tuple[Choice, Training]:
    """The fastest of the plans, as trials tell; the first where what is to be trained is not worth them.

    train: the training of all members by a plan, before its first step. num_steps: that are to be trained.
    memory: bytes that it may take; plans that take more are left out.
    """
    began = time.monotonic()
    seconds: dict[Plan, float] = {}
    tried: dict[Plan, Training] = {}
    for plan in plans:
        training = train(plan)
        if not _fits(training, memory):
            continue
        settled = None if tried else _settled(training, len(plans) == 1, num_steps)
        if settled is not None:
            return settled, training if settled.plan == plan else train(settled.plan)
        tried[plan], seconds[plan] = training, _seconds(training)
        left = min(seconds.values()) * num_steps
        if left < WORTH or time.monotonic() - began > SHARE * left:
            break
    if not tried:
        least = Plan(1)
        return Choice(least, f"the least memory; even this takes more than {_size(memory)}"), train(least)
    if len(seconds) == 1:
        only = next(iter(tried))
        return Choice(only, GUESS), tried[only]
    best = _fastest(seconds, tried)
    num = len(tried[best].members)
    told = ", ".join(f"{plan} {1e3 * one / num:.3g}" for plan, one in seconds.items())
    choice = Choice(best, f"measured, ms a step and member: {told}")
    _remember(tried[next(iter(tried))], choice)
    return choice, tried[best]


def _settled(training: Training, alone: bool, num_steps: int) -> Choice | None:
    """What needs no trial: there is nothing else, it would not pay, or it was tried before."""
    if alone:
        return Choice(training.plan, "one member")
    if _surely_short(training, num_steps):
        return Choice(training.plan, GUESS)
    return _known(training)


def _fastest(seconds: dict[Plan, float], tried: dict[Plan, Training]) -> Plan:
    """The two that seem to be are tried once more, in turn: others may have used the machine."""
    for plan in sorted(seconds, key=lambda plan: seconds[plan])[:2] * AGAIN:
        seconds[plan] = min(seconds[plan], _seconds(tried[plan]))
    return min(seconds, key=lambda plan: seconds[plan])


def _seconds(training: Training) -> float:
    """Of a step of all members; what is trained in finding out is thrown away."""
    training.begin()
    training.advance(0, 1)  # it is compiled
    began = time.monotonic()
    training.advance(0, STEPS)
    took = (time.monotonic() - began) / STEPS
    num = int(np.clip(TRIAL / max(took, 1e-6), 1, training.feed.longest))
    for _ in range(3):
        began = time.monotonic()
        training.advance(0, num)
        took = min(took, (time.monotonic() - began) / num)
    training.carries, training.kept = [], []  # they may be large
    return took


def _surely_short(training: Training, num_steps: int) -> bool:
    """Whether trials would not pay on the slowest machine, so that nothing need be run to know it."""
    costs = training.step.cost_analysis() or {}  # the body of a loop is counted once
    return costs.get("flops", np.inf) * len(training.groups) * num_steps < WORTH * SLOWEST


def _fits(training: Training, memory: int) -> bool:
    found = training.bytes()
    return found is None or found <= memory


def _waste(seeds: np.ndarray, plan: Plan, mesh: Mesh) -> float:
    return layout_of(seeds, plan, num_places(mesh)).rows.size / len(seeds) - 1


def memory_of(mesh: Mesh) -> int:
    """Bytes that training may take on a device: most of its memory, or of what is free where it is the machine's."""
    stats: Any = mesh.devices.flat[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(0.9 * stats["bytes_limit"])
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 2**33
    return max(int(0.8 * free), 2**28)


def _size(memory: int) -> str:
    return f"{memory / 2**30:.1f} GiB" if memory >= 2**30 else f"{memory / 2**20:.0f} MiB"


def _known(training: Training) -> Choice | None:
    """What was measured before of this program on this machine."""
    try:
        found = _all_known()[_name(training)]
        return Choice(plan_of(found["plan"]), found["reason"].replace("measured,", "measured before,"))
    except (KeyError, TypeError, AttributeError, VaejaxError):
        return None


def _all_known() -> dict[str, Any]:
    """What is remembered; nothing where it can not be read."""
    try:
        found = json.loads(_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(training: Training, choice: Choice) -> None:
    path, told = _file(), {"plan": str(choice.plan), "reason": choice.reason}
    known = {**_all_known(), _name(training): told}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(known, indent=1))
        part.replace(path)
    except OSError:
        return  # it is measured again the next time


def _name(training: Training) -> str:
    """Of a program on a machine: what is compiled, and for what."""
    text = without_addresses(training.lowered.as_text())
    device = training.mesh.devices.flat[0]
    machine = [
        device.device_kind,
        device.platform,
        mesh_text(training.mesh),
        threads_for(training.mesh),
        versions(("jaxlib",)),
    ]
    return hashlib.sha256(json.dumps([text, machine], default=str).encode()).hexdigest()


def _file() -> Path:
    home = os.environ.get("VAEJAX_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "vaejax")
    return Path(home).expanduser() / "plans.json"


def halved(plan: Plan, num_members: int) -> Plan | None:
    """The plan with half as many members at once, then one lane; `None` where there is no less."""
    at_once = num_members if plan.at_once is None else plan.at_once
    if at_once > 1:
        return plan._replace(at_once=at_once // 2)
    return plan._replace(lanes=1) if plan.lanes > 1 else None


def out_of_memory(error: Exception) -> bool:
    """Whether memory has ended."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
