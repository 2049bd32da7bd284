"""Members of a grid that are trained together, from their first step to their last."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vaejax.grid._hosts import most
from vaejax.grid._run import Kept, Record
from vaejax.grid._sheet import Sheet
from vaejax.grid._training import Place, Training
from vaejax.types import Params

SECONDS = 5.0  # of work that the devices are given at a time: between two such they can be stopped or saved
TRIALS = (1, 10)  # steps of the first slices: one that compiles, one that tells how long a step takes

Offer = Callable[[int, Callable[[], Any]], None]  # (steps done, what is carried on) may be saved now


class Begun(NamedTuple):
    """Members of which so many steps are done, and what they carry on, `[member, ...]`."""

    steps: int
    place: Place


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


class Run:
    """Members in training: who is still trained, and what those that have ended have left."""

    def __init__(self, training: Training, sheet: Sheet, begun: Begun | None) -> None:
        """From the start, or from where the members were."""
        self.done, place = (0, None) if begun is None else begun
        self.num_steps = training.batches.num_steps
        self.ended = sheet.reopened(training.program, self.done // self.num_steps)
        self.left: Place | None = place if self.ended.any() else None
        self.training = training.begin(place)
        if self.left is not None and not self.ended.all():
            self.training = self.training.without(self.ended, self.left)

    def advance(self, steps: int) -> None:
        """So many steps."""
        self.training.advance(self.done, steps)
        self.done += steps

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


def train(run: Run, sheet: Sheet, number: int, wave: int, offer: Offer) -> Params:
    """The parameters of the members at their best on validation, stacked, on the host.

    number: of their program. wave: how many of its members came before.
    """
    program = run.training.program
    pace = Pace(run.training.feed.longest)
    ends = (sheet.ends * run.num_steps).tolist()
    while run.done < ends[-1] and not run.ended.all():
        at = next(i for i, end in enumerate(ends) if end > run.done)
        began, before = time.monotonic(), run.done
        (steps,) = most(pace.next(ends[at] - run.done))
        run.advance(steps)
        pace.took(steps, time.monotonic() - began)
        if before < run.done < ends[at]:
            offer(run.done, run.here)
        elif run.done == ends[at]:
            run.end(sheet.record(number, wave, program, at, *run.look(int(sheet.ends[at]))))
            offer(run.done, run.here)
    best = run.best()
    sheet.put(program, {"best_epoch": np.asarray(best.epoch)})
    return best.params
