"""What a program is written on: flat arrays, each of them z, a constant, or what a step makes of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from vaejax.types import Shape


class NotLive(Exception):  # noqa: N818  (it is an answer, and no error)
    """Why there is no program."""


class Made(NamedTuple):
    """A value that depends on z: its place on the tape, and its shape."""

    index: int
    shape: Shape


Value: TypeAlias = Any  # `Made`, or an array that does not depend on z


class Step(NamedTuple):
    """`op` of the flat arrays at the places `reads`, which makes `size` numbers; `how` is what else it must know."""

    op: str
    reads: tuple[int, ...]
    size: int
    how: dict[str, Any]


class Tape(NamedTuple):
    """entries: z (`None`) at place 0, then constants and steps as they are made."""

    entries: list[np.ndarray | Step | None]


def written(tape: Tape, op: str, operands: Sequence[Value], shape: Shape, **how: Any) -> Made:
    """The value of one more step."""
    reads = tuple(_place(tape, value) for value in operands)
    tape.entries.append(Step(op, reads, math.prod(shape), how))
    return Made(len(tape.entries) - 1, tuple(shape))


def pruned(tape: Tape, output: Made) -> tuple[Tape, Made]:
    """Only what `output` needs: z first, then constants, then steps in their order."""
    needed = {0, output.index}
    for place in range(len(tape.entries) - 1, 0, -1):
        entry = tape.entries[place]
        if place in needed and isinstance(entry, Step):
            needed |= set(entry.reads)
    order = sorted(needed, key=lambda place: (isinstance(tape.entries[place], Step), place))
    new = {place: number for number, place in enumerate(order)}
    entries = [tape.entries[place] for place in order]
    kept = [e._replace(reads=tuple(new[r] for r in e.reads)) if isinstance(e, Step) else e for e in entries]
    return Tape(kept), output._replace(index=new[output.index])


def _place(tape: Tape, value: Value) -> int:
    if isinstance(value, Made):
        return value.index
    tape.entries.append(np.asarray(value, np.float32))
    return len(tape.entries) - 1
