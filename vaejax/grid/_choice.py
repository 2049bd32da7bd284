"""Which plan trains a program fastest on this machine: a guess, and where it pays, measured trials."""

import functools
import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from vaejax.grid._hosts import from_first, in_all, is_first, most, out_of_memory, since
from vaejax.grid._layout import layout_of
from vaejax.grid._mesh import num_places
from vaejax.grid._remembered import Choice, known, remember
from vaejax.grid._threads import threads_for
from vaejax.grid._training import Training
from vaejax.plans import Plan

SMALL = 2**17  # parameters: what more members have does not stay in a processor's own cache
WORTH = 60.0  # seconds of training from which on other plans are tried
SHARE = 0.1  # of the training that is left, what trying may take
STEPS, TRIAL = 3, 0.3  # steps of the first trial of a plan, seconds of the second
SLOWEST = 2e9  # floating-point operations a second that any machine does
GUESS = "a guess: training is too short for trials"
LEAST = "the least memory"
AGAIN, LEAST_AGAIN = 7, 2  # times that the fastest are tried once more, in turn, and where time is short
CLOSE = 1.25  # times the fastest: what may yet turn out to be
WASTE = 0.25  # of the places, what may be filled up


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
    """The fastest of the plans that fit, as trials tell; the first where what is to be trained is not worth them.

    train: of all members, or of the first wave of a plan, before it is begun. num_steps: that are to be trained.
    memory: bytes that it may take. Where no plan fits, members are split into twice as many waves.
    """
    num = len(train(plans[0]).members)
    for waves in _doublings(num):
        fitting = _fitting(train, [plan._replace(waves=waves) for plan in plans], memory)
        found = _fastest_of(fitting, train, num_steps * waves, len(plans) == 1 and waves == 1, memory)
        if found is None:
            found = next(
                ((Choice(one.plan, LEAST), one) for one in _fitting(train, [Plan(1, waves=waves)], memory)), None
            )
        if found is not None:
            choice, training = found
            more = f"; all in one wave take more than {_size(memory)}" if waves > 1 else ""
            return choice._replace(reason=choice.reason + more), training
    least = Plan(1, waves=num)
    return Choice(least, f"{LEAST}; even this takes more than {_size(memory)}"), train(least)


def _doublings(num: int) -> list[int]:
    """Of waves, up to one for each member.

    >>> _doublings(6)
    [1, 2, 4, 6]
    """
    return [*(2**power for power in range((num - 1).bit_length())), num]


def _fitting(train: Callable[[Plan], Training], plans: Sequence[Plan], memory: int) -> Iterator[Training]:
    """The trainings that fit; what has too large a state is not compiled to know it."""
    for training in map(train, plans):
        if training.state_bytes <= memory and _fits(training, memory):
            yield training


def _fastest_of(
    fitting: Iterator[Training], train: Callable[[Plan], Training], num_steps: int, alone: bool, memory: int
) -> tuple[Choice, Training] | None:
    """`None` where there are none. alone: there is one member."""
    began, left = time.monotonic(), np.inf
    seconds: dict[Plan, list[float]] = {}
    tried: dict[Plan, Training] = {}
    for training in fitting:
        if not tried:
            choice = from_first(functools.partial(_settled, training, alone, num_steps))
            settled = None if choice is None else _by(choice.plan, training, train, memory)
            if choice is not None and settled is not None:
                return choice, settled
        tried[training.plan], seconds[training.plan] = training, [_seconds(training)]
        left = min(seconds.values())[0] * num_steps
        if left < WORTH or since(began) > SHARE * left:
            break
    if len(tried) < 2:
        return next(((Choice(plan, GUESS), training) for plan, training in tried.items()), None)
    best = _again(seconds, tried, began, SHARE * left)
    num = len(tried[best].members)
    told = ", ".join(f"{plan} {1e3 * np.median(some) / num:.3g}" for plan, some in seconds.items())
    choice = Choice(best, f"measured, ms a step and member: {told}")
    if is_first():
        remember(next(iter(tried.values())), choice)
    return choice, tried[best]


def _settled(training: Training, alone: bool, num_steps: int) -> Choice | None:
    """What needs no trial: there is nothing else, it would not pay, or it was tried before."""
    if alone:
        return Choice(training.plan, "one member")
    if _surely_short(training, num_steps):
        return Choice(training.plan, GUESS)
    return known(training)


def _by(plan: Plan, training: Training, train: Callable[[Plan], Training], memory: int) -> Training | None:
    """That of a plan, if it fits."""
    return training if plan == training.plan else next(_fitting(train, [plan], memory), None)


def _again(seconds: dict[Plan, list[float]], tried: dict[Plan, Training], began: float, allowed: float) -> Plan:
    """The one that is fastest in the middle of several trials of those that are close: others may use the machine.

    They are tried in turn, the two fastest `LEAST_AGAIN` times, and as long as there is time those within `CLOSE`.
    """
    order = sorted(seconds, key=lambda plan: seconds[plan])
    close = [plan for plan in order if seconds[plan][0] <= CLOSE * seconds[order[0]][0]]
    for number in range(AGAIN):
        hurried = since(began) > allowed
        if hurried and number >= LEAST_AGAIN:
            break
        for plan in order[:2] if hurried else close:
            seconds[plan].append(_seconds(tried[plan]))
    return min(close, key=lambda plan: np.median(seconds[plan]))


def _seconds(training: Training) -> float:
    """Of a step of all members; what is trained in finding out is thrown away. Infinite where memory ends."""
    try:
        return _timed(training.begin())
    except jax.errors.JaxRuntimeError as error:
        if not out_of_memory(error):
            raise
    gc.collect()  # what the traceback held
    return np.inf


def _timed(begun: Training) -> float:
    begun.advance(0, 1)  # it is compiled
    began = time.monotonic()
    begun.advance(0, STEPS)
    took = since(began) / STEPS
    num = int(np.clip(TRIAL / max(took, 1e-6), 1, begun.feed.longest))
    rounds = max(1, round(TRIAL / (num * took)))  # slices may be shorter than a trial
    began = time.monotonic()
    for _ in range(rounds):
        begun.advance(0, num)
    return since(began) / (rounds * num)


def _surely_short(training: Training, num_steps: int) -> bool:
    """Whether trials would not pay on the slowest machine, so that nothing need be run to know it."""
    costs = training.step.cost_analysis() or {}  # the body of a loop is counted once
    return costs.get("flops", np.inf) * len(training.groups) * num_steps < WORTH * SLOWEST


def _fits(training: Training, memory: int) -> bool:
    try:
        found = in_all(training.bytes)
    except jax.errors.JaxRuntimeError as error:  # compiling for a GPU tries its products, which takes memory too
        if not out_of_memory(error):
            raise
        return False
    return found is None or found <= memory


def _waste(seeds: np.ndarray, plan: Plan, mesh: Mesh) -> float:
    return layout_of(seeds, plan, num_places(mesh)).rows.size / len(seeds) - 1


def least_memory(mesh: Mesh) -> int:
    """`memory_of` in the process that has the least, to 1 MiB: what depends on it is the same in all."""
    (less,) = most(-(memory_of(mesh) >> 20))
    return -less << 20


def memory_of(mesh: Mesh) -> int:
    """Bytes that training may take on a device: most of its memory, or of what is free where it is the machine's."""
    stats: Any = mesh.local_devices[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(0.9 * stats["bytes_limit"])
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 2**33
    return max(int(0.8 * free), 2**28)


def _size(memory: int) -> str:
    return f"{memory / 2**30:.1f} GiB" if memory >= 2**30 else f"{memory / 2**20:.0f} MiB"


def halved(plan: Plan, num_members: int) -> Plan | None:
    """The plan with half as many members at once, then one lane, then twice the waves; `None` where there is no less.

    num_members: of a wave.
    """
    at_once = num_members if plan.at_once is None else min(plan.at_once, num_members)
    if at_once > 1:
        return plan._replace(at_once=at_once // 2)
    return plan._replace(lanes=1) if plan.lanes > 1 else in_more_waves(plan, num_members)


def in_more_waves(plan: Plan, num_members: int) -> Plan | None:
    """The plan with twice the waves, for a wave of so many members; `None` where it has one."""
    return plan._replace(waves=2 * plan.waves) if num_members > 1 else None
