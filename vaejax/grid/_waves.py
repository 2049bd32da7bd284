"""The members of a program in training, in as many waves as memory needs, by the plan that was asked for or chosen."""

import functools
import gc
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.grid._choice import candidates, choose, halved, in_more_waves, least_memory
from vaejax.grid._feed import feed_of
from vaejax.grid._hosts import out_of_memory
from vaejax.grid._keep import Keeper
from vaejax.grid._keep import Place as Spot
from vaejax.grid._measure import num_params
from vaejax.grid._mesh import mesh_for
from vaejax.grid._program import Program, params_like, part_of
from vaejax.grid._remembered import Choice
from vaejax.grid._run import training_key
from vaejax.grid._sheet import Sheet
from vaejax.grid._train import Begun, Offer, Run, train
from vaejax.grid._training import Place, Training
from vaejax.plans import Plan, plan_of
from vaejax.train import Batches
from vaejax.types import Params

Measure = Callable[[Program, Params], Mapping[str, np.ndarray]]


class Work(NamedTuple):
    """What there is to train: the program of that number, its batches and data, by this plan or the fastest.

    measure: of members that are trained.
    """

    program: Program
    number: int
    batches: Batches
    data: Data
    plan: Plan | None
    memory: int | None
    mesh: Mesh | None
    measure: Measure


class Restored(NamedTuple):
    """Where a program was when it was saved: by which plan, and in which wave.

    first: how many members came before the wave. size: its members. steps: that are done of it. before: the parameters
    of those that came before it. read: what the wave carried on, given its shapes.
    """

    choice: Choice | None
    first: int
    size: int
    steps: int
    before: Params
    read: Callable[[Any], Place]


class Keeping(NamedTuple):
    """How a program is kept.

    offer: `(first, before, steps, training)` may be saved now. saved: what was saved last of this program, if anything
    was. note: the plan by which it goes on.
    """

    offer: Callable[[int, Params, int, Callable[[], Any]], None]
    saved: Callable[[], Restored | None]
    note: Callable[[Choice], None]


def keeping_of(keeper: Keeper, sheet: Sheet, trained: tuple[Params, ...], program: Program, number: int) -> Keeping:
    """That of the program of this number, after those that are trained."""

    def offer(first: int, before: Params, steps: int, training: Callable[[], Any]) -> None:
        parts = trained, before
        keeper.offer(lambda: Spot(number, first, steps, sheet.rows, sheet.finite, *parts, training(), sheet.plans))

    def saved() -> Restored | None:
        found = keeper.newest()
        if found is None or found.program != number:
            return None
        plan, why = found.plans.get(number, ("", ""))
        before = params_like(part_of(program, range(found.first))) if found.first else ()
        return Restored(
            Choice(plan_of(plan), why) if plan else None,
            found.first,
            found.size,
            found.step,
            found.part("before", before),
            functools.partial(found.part, "training"),
        )

    def note(choice: Choice) -> None:
        sheet.plans[number] = (str(choice.plan), choice.reason)

    return Keeping(offer, saved, note)


class Waves:
    """The waves of a program, each a training that is not begun."""

    def __init__(self, work: Work) -> None:
        self.work, self.num = work, len(work.program.rows)
        self.mesh = mesh_for(self.num, work.mesh)
        self.feed = feed_of(work.data.raw("train"), work.batches, work.program.seeds, training_key, self.mesh)
        self.like: Training | None = None  # what is compiled

    def chosen(self, before: Choice | None, epochs: int) -> Choice:
        """The plan that was asked for, that by which the program was trained before, or the fastest."""
        work = self.work
        asked = before if work.plan is None else Choice(work.plan, "as asked")
        if asked is not None:
            return asked
        num_steps = epochs * work.batches.num_steps
        plans = candidates(work.program.seeds, int(num_params(work.program).max()), self.mesh)
        memory = least_memory(self.mesh) if work.memory is None else work.memory
        choice, self.like = choose(self.at, plans, num_steps, memory)
        return choice

    def at(self, plan: Plan, first: int = 0, size: int | None = None) -> Training:
        """The wave of a plan after so many members; compiled once for all that are alike."""
        size = -(-self.num // plan.waves) if size is None else size
        rows = np.arange(first, min(first + size, self.num))
        part, feed = part_of(self.work.program, rows), self.feed._replace(slots=self.feed.slots[rows])
        if self.like is not None and self.like.plan == plan:
            return self.like.of(part, feed)
        everybody = np.arange(len(rows))
        return Training(part, self.work.batches, self.work.data, feed, plan, self.mesh, everybody)

    def begun(self, plan: Plan, saved: Restored | None) -> Begun | None:
        """What was saved of a wave, `None` where it has not begun."""
        if saved is None or not saved.steps:
            return None
        return Begun(saved.steps, saved.read(self.at(plan, saved.first, saved.size).like()))


def train_program(work: Work, sheet: Sheet, keeping: Keeping) -> Params:
    """The parameters of all members at their best on validation, stacked, on the host; their measures are in the table.

    Where memory ends, less of it is used, and the wave goes on from where it was saved last, or from its start.
    """
    waves, saved = Waves(work), keeping.saved()
    choice = waves.chosen(saved and saved.choice, sheet.epochs)
    first, done = (0, []) if saved is None else (saved.first, [saved.before] * (saved.first > 0))
    begun = waves.begun(choice.plan, saved)
    while first < waves.num:
        keeping.note(choice)
        training = waves.like = waves.at(choice.plan, first)
        num, offer = len(training.members), functools.partial(keeping.offer, first, _joined(done))
        found = _trained(work, sheet, training, _some(begun, 0, num), first, offer)
        if isinstance(found, Choice):
            choice, saved = found, keeping.saved()
            if saved is not None and saved.first == first:
                begun = waves.begun(choice.plan, saved)
            continue
        sheet.put(training.program, work.measure(training.program, found))
        done.append(found)
        first, begun = first + num, _some(begun, num, None)
        if first < waves.num:
            keeping.offer(first, _joined(done), 0, tuple)
    return _joined(done)


def _trained(
    work: Work, sheet: Sheet, training: Training, begun: Begun | None, first: int, offer: Offer
) -> Params | Choice:
    """The parameters of the members of a wave; where memory has ended, how it is to be tried again."""
    plan, num = training.plan, len(training.members)
    less = in_more_waves(plan, num) or halved(plan, num)  # where there is not even room for what they carry on
    run, found = _unless_memory_ends(lambda: Run(training, sheet, begun)), None
    if isinstance(run, Run):
        less, going = halved(plan, num), run
        found = _unless_memory_ends(lambda: train(going, sheet, work.number, first, offer))
        del going
    told = found if isinstance(found, Ended) else run
    if not isinstance(told, Ended):
        return found
    del run
    gc.collect()  # so that what it held is free
    if less is None:
        raise VaejaxError(f"memory ended with one member at once, take smaller batches or networks: {told.why}")
    return Choice(less, f"memory ended by {plan}")


class Ended(NamedTuple):
    """Memory has ended: what was said of it."""

    why: str


def _unless_memory_ends(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except jax.errors.JaxRuntimeError as error:
        if not out_of_memory(error):
            raise
        return Ended(str(error))  # without its traceback, which holds what was in memory


def _some(begun: Begun | None, start: int, stop: int | None) -> Begun | None:
    """These of the members that were begun; `None` is none."""
    if begun is None:
        return None
    some = jax.tree.map(lambda leaf: leaf[start:stop], begun.place)
    return begun._replace(place=some) if len(jax.tree.leaves(some)[0]) else None


def _joined(parts: list[Params]) -> Params:
    """Of the members of all waves, stacked; empty where there is none yet."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts) if parts else ()
