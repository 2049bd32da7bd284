"""One program of a grid, from its first step to its last."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.grid._choice import Choice, candidates, choose, halved, memory_of, out_of_memory
from vaejax.grid._feed import feed_of
from vaejax.grid._hosts import most, several
from vaejax.grid._measure import num_params
from vaejax.grid._mesh import mesh_for
from vaejax.grid._program import Program
from vaejax.grid._run import Kept, Record, training_key
from vaejax.grid._sheet import Sheet
from vaejax.grid._training import Place, Training
from vaejax.plans import Plan
from vaejax.train import Batches
from vaejax.types import Params

SECONDS = 5.0  # of work that the devices are given at a time: between two such they can be stopped or saved
TRIALS = (1, 10)  # steps of the first slices: one that compiles, one that tells how long a step takes
HOSTS = "a guess: on several hosts nothing is tried"

Offer = Callable[[int, Callable[[], Any]], None]  # (steps done, what is carried on) may be saved now


class Restored(NamedTuple):
    """steps: that are done. read: what was carried on, given its shapes. choice: how it was trained."""

    steps: int
    read: Callable[[Any], Any]
    choice: Choice | None


class Pace:
    """How many steps make a slice."""

    def __init__(self, longest: int) -> None:
        self.longest, self.size, self.trials = longest, longest, list(TRIALS)

    def next(self, left: int) -> int:
        """Steps to be done now, where so many are left."""
        return min(self.trials[0] if self.trials else self.size, self.longest, left)

    def took(self, steps: int, seconds: float) -> None:
        """What the last slice took."""
        if len(self.trials) < len(TRIALS):  # else it was compiled in that time
            self.size = max(1, min(self.longest, int(steps * SECONDS / max(seconds, 1e-6))))
        self.trials = self.trials[1:]


class Work(NamedTuple):
    """What there is to train: the program of that number, its batches and data, by this plan or the fastest."""

    program: Program
    number: int
    batches: Batches
    data: Data
    plan: Plan | None
    memory: int | None
    mesh: Mesh | None


class Run:
    """A program in training: what is still trained, and what members that have ended have left."""

    def __init__(self, work: Work, sheet: Sheet, restored: Restored | None, note: Callable[[Choice], None]) -> None:
        self.work, self.sheet, self.restored = work, sheet, restored
        program = work.program
        self.mesh = mesh_for(len(program.rows), work.mesh)
        self.feed = feed_of(work.data.raw("train"), work.batches, program.seeds, training_key)
        self.note = note
        choice, training = self._chosen()
        note(choice)
        self._begin(training)

    def advance(self, steps: int) -> None:
        """So many steps. Where memory ends, by half as many members at once, and from the last place that is kept."""
        try:
            self.training.advance(self.done, steps)
            self.done += steps
        except jax.errors.JaxRuntimeError as error:
            if not out_of_memory(error):
                raise
            less = halved(self.training.plan, len(self.training.members))
            if less is None:
                raise VaejaxError(
                    f"memory ended with one member at once, take smaller batches or networks: {error}"
                ) from error
            self.note(Choice(less, f"memory ended by {self.training.plan}"))
            self._begin(self._by(less))

    def here(self) -> Place:
        """The state of all members, `[member, ...]`, on the host."""
        here = self.training.here()
        if self.left is None:
            return here
        return jax.tree.map(self._written, self.left, here)

    def end(self, ended: np.ndarray) -> None:
        """These members, `[member]` of the program, are trained no more: what they are now is what they leave."""
        if (ended == self.ended).all():
            return
        left = self.here()
        self.left, self.ended = left, ended
        if not ended.all():
            self.training = self.training.without(ended, left)

    def best(self) -> Kept:
        """What was kept of all members, on the host."""
        kept = self.training.best()
        return kept if self.left is None else jax.tree.map(self._written, self.left[1], kept)

    def look(self, epoch: int) -> tuple[np.ndarray, np.ndarray, Record]:
        """The members that are trained, their held-out bounds, and what there is to look at; the best is kept."""
        elbo = self.training.look()
        record = self.training.keep(elbo, epoch)
        still = ~self.ended[self.training.members]
        return self.training.members[still], elbo[still], jax.tree.map(lambda leaf: leaf[still], record)

    def _written(self, whole: np.ndarray, some: np.ndarray) -> np.ndarray:
        """All members, with those that are trained as they are now."""
        members, whole = self.training.members, np.array(whole)
        still = ~self.ended[members]
        whole[members[still]] = some[still]
        return whole

    def _chosen(self) -> tuple[Choice, Training]:
        work = self.work
        before = None if self.restored is None else self.restored.choice
        asked = before if work.plan is None else Choice(work.plan, "as asked")
        if asked is not None:
            return asked, self._by(asked.plan)
        num_steps = self.sheet.epochs * work.batches.num_steps
        plans = candidates(work.program.seeds, int(num_params(work.program).max()), self.mesh)
        if several():
            return Choice(plans[0], HOSTS), self._by(plans[0])
        memory = memory_of(self.mesh) if work.memory is None else work.memory
        return choose(self._by, plans, num_steps, memory)

    def _by(self, plan: Plan) -> Training:
        work = self.work
        members = np.arange(len(work.program.rows))
        return Training(work.program, work.batches, work.data, self.feed, plan, self.mesh, members)

    def _begin(self, training: Training) -> None:
        """Start, or go on where the run was when it was saved; left: of all members, where some have ended."""
        self.done, place = 0, None
        if self.restored is not None:
            self.done, place = self.restored.steps, self.restored.read(training.like())
        self.ended = self.sheet.reopened(self.work.program, self.done // self.work.batches.num_steps)
        self.left: Place | None = place if self.ended.any() else None
        self.training = training.begin(place)
        if self.left is not None:
            self.training = training.without(self.ended, self.left)


def train_program(
    work: Work, sheet: Sheet, restored: Restored | None, offer: Offer, note: Callable[[Choice], None]
) -> Params:
    """The parameters of the members at their best on validation, stacked, on the host."""
    run = Run(work, sheet, restored, note)
    program, batches = work.program, work.batches
    pace = Pace(run.feed.longest)
    ends = (sheet.ends * batches.num_steps).tolist()
    while run.done < ends[-1] and not run.ended.all():
        at = next(i for i, end in enumerate(ends) if end > run.done)
        began, before = time.monotonic(), run.done
        (steps,) = most(pace.next(ends[at] - run.done))
        run.advance(steps)
        pace.took(steps, time.monotonic() - began)
        if before < run.done < ends[at]:
            offer(run.done, run.here)
        elif run.done == ends[at]:
            run.end(sheet.record(work.number, program, at, *run.look(int(sheet.ends[at]))))
            offer(run.done, run.here)
    best = run.best()
    sheet.put(program, {"best_epoch": np.asarray(best.epoch)})
    return best.params
