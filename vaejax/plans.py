"""How the members of a program are trained: how many at a time, with whose batches, on how many threads and devices."""

import re
from typing import NamedTuple

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count

MESH = "like grid=4,data=2"
COUNT = re.compile("0*[1-9][0-9]*")
SYNTAX = "together, in_turn, or like at_once=8,shared,lanes=2"


class Plan(NamedTuple):
    """Members go through training in `waves`, one wave after another; those of a device in groups of `at_once`.

    at_once: None is as many as there are. Large groups make large operations of small networks; what is large for one
        member stays near the processor in small ones.
    shared: a group is of one seed, so that its batches and noise, which are the same, are drawn once.
    lanes: on a CPU so many threads train groups side by side. An operation that is too small for all cores then leaves
        none idle.
    waves: into how many parts members are split whose states do not fit in memory together. A part is trained to its
        end, and what it leaves is on the host before the next begins.

    Results agree across plans up to rounding, and are the same to the last bit for the same plan, machine and grid.

    >>> str(Plan(8, shared=True)), str(Plan())
    ('at_once=8,shared', 'at_once=all')
    """

    at_once: int | None = None
    shared: bool = False
    lanes: int = 1
    waves: int = 1

    def __str__(self) -> str:
        """As `plan_of` reads it."""
        words = [f"at_once={self.at_once or 'all'}", *["shared"] * self.shared]
        more = {"lanes": self.lanes, "waves": self.waves}
        return ",".join([*words, *(f"{name}={num}" for name, num in more.items() if num > 1)])


together = Plan()
in_turn = Plan(1)
NAMED = {"together": together, "in_turn": in_turn}


def plan_of(text: str) -> Plan:
    """The plan that `str(plan)` is, or one by name. Raises: VaejaxError.

    >>> plan_of("at_once=8,shared,lanes=2")
    Plan(at_once=8, shared=True, lanes=2, waves=1)
    >>> plan_of("quick")
    Traceback (most recent call last):
    vaejax.errors.VaejaxError: expected a plan as together, in_turn, or like at_once=8,shared,lanes=2, got 'quick'
    """
    if text in NAMED:
        return NAMED[text]
    found = {"at_once": "all", "shared": False, "lanes": "1", "waves": "1"}
    for word in text.split(","):
        name, _, value = word.partition("=")
        if name not in found or (name == "shared") == bool(value):
            raise VaejaxError(f"expected a plan as {SYNTAX}, got {text!r}")
        found[name] = value or True
    at_once = None if found["at_once"] == "all" else _count("at_once", found["at_once"])
    return Plan(at_once, bool(found["shared"]), _count("lanes", found["lanes"]), _count("waves", found["waves"]))


def _count(name: str, text: object) -> int:
    if not str(text).isdecimal():
        raise VaejaxError(f"{name} of a plan must be a whole number from 1, got {text!r}")
    return require_count(name, int(str(text)))


def mesh_sizes(text: str) -> dict[str, int]:
    """What a text asks for, whether or not there are such devices. Raises: VaejaxError.

    >>> mesh_sizes("grid=4,data=2")
    {'grid': 4, 'data': 2}
    >>> mesh_sizes("4x2")
    Traceback (most recent call last):
    vaejax.errors.VaejaxError: expected a mesh as grid, data or both, like grid=4,data=2, got '4x2'
    """
    found: dict[str, int] = {}
    for word in text.split(","):
        name, _, value = (part.strip() for part in word.partition("="))
        if name not in ("grid", "data") or name in found or not COUNT.fullmatch(value):
            raise VaejaxError(f"expected a mesh as grid, data or both, {MESH}, got {text!r}")
        found[name] = int(value)
    return found
