"""Members added to a finished grid: what is taken over from it, to the bit, and what is left to be trained."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.grid._axes import Grid, members_of
from vaejax.grid._dataset import DESCRIPTIONS
from vaejax.grid._program import Program, params_like, part_of, without_addresses
from vaejax.grid._result import Result
from vaejax.grid._sheet import Sheet
from vaejax.numerics import leaves_by_path
from vaejax.types import Example, Params, Trainer

ADVICE = "its members cannot stand beside new ones: repeat what it was trained with, or sweep without onto"
MADE_ANEW = ("status", "drift", "taken")  # columns that the table makes from the others
DATA = "data_sha256"


class Stood(NamedTuple):
    """Where a member stands in the programs of a result."""

    program: Program
    params: Params
    at: int


class Before:
    """A finished result that a grid goes onto, or none. A member is the same where it has the same label on all axes.

    places: for each member of the grid its index in the result, -1 where it is new.
    """

    def __init__(self, grid: Grid, result: Result | None) -> None:
        self.result = result
        self.places = np.full(len(members_of(grid)), -1) if result is None else _places(grid, result)

    def require_same(
        self, facts: Mapping[str, Any], programs: tuple[Program, ...], seen: list[Data], hashes: Mapping[str, str]
    ) -> None:
        """Raises: VaejaxError naming what the result was trained or measured with, and this sweep is not.

        hashes: of the data, by their preparation.
        """
        if self.result is None:
            return
        attrs = self.result.dataset.attrs
        unknown = [name for name in (*facts, DATA) if name not in attrs]
        if unknown:
            raise VaejaxError(
                f"the result does not say its {unknown[0]}, as one of an earlier version: sweep without onto"
            )
        was = {name: type(now)(attrs[name]) for name, now in facts.items()}  # a file gives other types of number
        different = [f"{name} was {was[name]} and is now {now}" for name, now in facts.items() if was[name] != now]
        known = attrs[DATA].split("; ")
        for program, data in zip(programs, seen, strict=True):
            if (self._of(program) >= 0).any() and hashes[data.preparation] not in known:
                different.append(f"the data were others ({attrs['data']}, {attrs['preparation']})")
                break
        if different:
            raise VaejaxError(f"the result is of another kind: {'; '.join(different)}; {ADVICE}")
        for program in programs:
            self._require_same_member(program)

    def left(self, program: Program) -> Program:
        """A program with those of its members that are new, maybe none."""
        return part_of(program, np.flatnonzero(self._of(program) < 0))

    def joined(self, program: Program, trained: Params | None) -> Params:
        """The parameters of all members of a program, in its order. trained: those of the new ones, if there are."""
        places = self._of(program)
        if (places < 0).all():
            return trained
        at = np.cumsum(places < 0) - 1  # of a new member among the new
        stood = [self._stood(place) if place >= 0 else Stood(program, trained, at[i]) for i, place in enumerate(places)]
        members = [jax.tree.map(lambda leaf, one=one: np.asarray(leaf[one.at]), one.params) for one in stood]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *members)

    def fill(self, sheet: Sheet) -> None:
        """Put all that is known of members that were there before into the table."""
        if self.result is None:
            return
        dataset, dims = self.result.dataset, [axis.name for axis in self.result.grid]
        rows = np.flatnonzero(self.places >= 0)
        known = {}
        for name, column in dataset.data_vars.items():
            if (name in DESCRIPTIONS and name not in MADE_ANEW) or str(name).startswith("objective_"):
                values = column.transpose(*dims, ...).values
                known[str(name)] = values.reshape(-1, *values.shape[len(dims) :])[self.places[rows]]
        finite = dataset["status"].transpose(*dims).values.reshape(-1)[self.places[rows]] == "ok"
        sheet.take(rows, known, finite)

    @property
    def words(self) -> dict[str, str]:
        """What a reader of the table must know of what was there before."""
        if self.result is None:
            return {}
        attrs = self.result.dataset.attrs
        return {"plan_taken": "; ".join(filter(None, (attrs["plan"], attrs.get("plan_taken", ""))))}

    @property
    def identity(self) -> str | None:
        """A hash of what is taken over; `None` where nothing is."""
        if self.result is None:
            return None
        sha = hashlib.sha256(self.places.astype("<i8").tobytes())
        for name, leaf in leaves_by_path(self.result.params).items():
            sha.update(f"{name} {leaf.shape}\n".encode() + np.asarray(leaf).tobytes())
        return sha.hexdigest()

    def _of(self, program: Program) -> np.ndarray:
        return self.places[list(program.rows)]

    def _stood(self, place: int) -> Stood:
        assert self.result is not None
        pairs = zip(self.result.programs, self.result.params, strict=True)
        return next(Stood(one, params, one.rows.index(place)) for one, params in pairs if place in one.rows)

    def _require_same_member(self, program: Program) -> None:
        """Raises: VaejaxError where the members of a program are built otherwise than they were."""
        at, places = np.flatnonzero(self._of(program) >= 0), self._of(program)
        if not len(at):
            return
        for place in places[at]:
            _require_same_shapes(program, at[0], self._stood(place))
        old = self._stood(places[at[0]]).program
        values = {name: numbers[at[0]].item() for name, numbers in program.numbers.items()} | dict(program.static)
        was = _trace(old.build({name: values[name] for name in old.numbers}), program.batch)
        if was != _trace(program.build({name: values[name] for name in program.numbers}), program.batch):
            shown = ", ".join(f"{name}={value}" for name, value in values.items())
            raise VaejaxError(f"the member function does not train what the result holds at {shown}; {ADVICE}")


def _places(grid: Grid, result: Result) -> np.ndarray:
    """For each member of a grid its index in the result, -1 where it is new. Raises: VaejaxError where all are."""
    now, before = members_of(grid), members_of(result.grid)
    if set(now[0]) != set(before[0]):
        raise VaejaxError(
            f"the axes of the result are {', '.join(before[0])}, and those of this sweep {', '.join(now[0])}: a grid "
            "gets new values of the axes it has; to keep one as it was, give it one value"
        )
    names = list(before[0])
    index = {tuple(row[name][1] for name in names): at for at, row in enumerate(before)}
    places = np.array([index.get(tuple(row[name][1] for name in names), -1) for row in now])
    if (places < 0).all():
        values = "; ".join(f"{name}: {', '.join(dict.fromkeys(str(row[name][1]) for row in before))}" for name in names)
        raise VaejaxError(f"no member of the result is in this grid, so that it cannot go onto it; there are {values}")
    return places


def _require_same_shapes(program: Program, at: int, old: Stood) -> None:
    """Raises: VaejaxError where the parameters of members of two programs cannot be stacked."""
    rooms = [one.trainers[i].model.active for one, i in ((old.program, old.at), (program, at))]
    was, now = ([leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(room))] for room in rooms)
    if was != now:
        told = [", ".join(str(shape[0]) for shape in shapes) for shapes in (was, now)]
        raise VaejaxError(f"max_latent_size, the room for latents, was {told[0]} and is now {told[1]}; {ADVICE}")
    before, here = (leaves_by_path(tree) for tree in (old.params, params_like(program)))
    for name in dict.fromkeys((*before, *here)):
        kinds = [f"{x[name].dtype}{list(x[name].shape[1:])}" if name in x else "not there" for x in (before, here)]
        if kinds[0] != kinds[1]:
            raise VaejaxError(f"the parameter {name} was {kinds[0]} and is now {kinds[1]}; {ADVICE}")


def _trace(trainer: Trainer, batch: Example) -> str:
    """What a trainer computes: its initial state and a step, with all constants, as text."""

    def run(key: Any, batch: Example) -> Any:
        return trainer.step(key, trainer.init(key, batch), batch)

    traced = jax.make_jaxpr(run)(jax.random.key(0), batch)
    constants = [hashlib.sha256(np.asarray(one).tobytes()).hexdigest() for one in traced.consts]
    return "\n".join([without_addresses(str(traced.jaxpr)), *constants])
