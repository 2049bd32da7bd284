"""The pictures of a run as JSON for a page that can carry only so many bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vaejax.report._order import ranked
from vaejax.report._portrait import Portrait
from vaejax.report._shown import Shown
from vaejax.report._sprites import BARS, Look, is_image, look_of, look_of_rows, rounded, strip
from vaejax.report._words import count, listed
from vaejax.report.live import Live, encoded

BUDGET = 3_000_000  # bytes of all
FOR_LIVE = 1 / 3  # of the budget
SIDES = (96, 64, 48, 32)  # pixels of the longer side of a tile; what is smaller stays
PLAIN, LINKED, MOVED = ("samples", "reconstructions"), ("rates", "interpolation", "codes", "start"), ("traversals",)
SURE = 0.9  # of the room is planned for, as members differ
IN_A_ROW, SAMPLES_IN_A_ROW = 12, 8
AROUND = 200  # bytes of the names around all of it
EMPTY: dict[str, Any] = {
    "rates": [],
    "reconstructions": None,
    "samples": None,
    "interpolation": None,
    "traversals": [],
    "codes": None,
    "start": None,
    "live": None,
}


SAID = {
    "live": "live decoders",
    "traversals": "traversals",
    "interpolation": "interpolations",
    "codes": "codes",
    "samples": "samples",
    "reconstructions": "reconstructions",
}


def drawn(shown: Shown, budget: int = BUDGET) -> dict[str, Any]:
    """The pictures of a run as JSON of at most `budget` bytes: `examples`, `entries`, `labels`, `members`, `left_out`.

    Of each member `rates` (nats), `reconstructions`, `samples` and `interpolation` (a `strip`, or `None`), `traversals`
    (`latent`, `rate`, `values`, `strip`), `codes` (`points`, `title`), `start`, and `live` (`program`, `tolerance`,
    `weights`: base64 of little-endian float16). One scale of values is used for all, that of the examples; of rows of a
    table, whose entries have names, each column has its own.

    Where not all fit, the chosen member and the best of each latent size have all of it, and of the others the best
    come first. They lose their live decoders first, of which all together may take a third of the budget; then their
    traversals; then all but samples and reconstructions; and at last those. Tiles are as large as the pictures of the
    first members allow, 96 pixels at most. `left_out` is a sentence on what there was no room for.

    >>> import xarray as xr
    >>> table = xr.Dataset({"elbo": ("beta", [-1.0]), "status": ("beta", ["ok"])}, {"beta": [1.0]})
    >>> found = drawn(Shown(table, portraits={0: Portrait(samples=np.zeros((3, 8, 8)))}))
    >>> found["members"][0]["samples"]["num"], found["left_out"]
    (3, '')
    """
    first, others = ranked([shown.dataset, *shown.rounds], getattr(shown.answer, "member", None))
    first, others = ([place for place in places if place in shown.portraits] for places in (first, others))
    for_live = int(budget * FOR_LIVE) if any(one.live is not None for one in shown.portraits.values()) else 0
    labels = None if shown.labels is None else [int(label) for label in shown.labels]
    look = _look(shown, first or others)
    room = budget - for_live - _size([_strip_of(shown.examples, look, IN_A_ROW), labels]) - AROUND
    look = _fitting(shown, first, others, look, room)
    pictures = _Pictures(shown.portraits, look, room)
    pictures.add(first, (*PLAIN, *LINKED, *MOVED))
    rest = [place for place in (*first, *others) if place not in pictures.members]
    pictures.add(rest, PLAIN)
    for names in (LINKED, MOVED):
        pictures.add([place for place in rest if place in pictures.members], names)
    pictures.add_live([*first, *others], for_live)
    members = dict(sorted(pictures.members.items()))
    told = _left_out(shown, look, members)
    return {
        "look": {"shape": _shape(shown), "low": rounded(look.low), "high": rounded(look.high)},
        "examples": _strip_of(shown.examples, look, IN_A_ROW),
        "entries": _entries(shown),
        "labels": labels,
        "members": members,
        "left_out": told,
    }


class _Pictures:
    """The members of a page while there is room for more."""

    def __init__(self, portraits: Mapping[int, Portrait], look: Look, room: int) -> None:
        self.portraits, self.look, self.room = portraits, look, room
        self.members: dict[int, dict[str, Any]] = {}

    def add(self, places: Sequence[int], names: tuple[str, ...]) -> None:
        """Parts of these members, one member after another, until there is no room for one."""
        for place in places:
            portrait = self.portraits[place]
            found = {name: _PARTS[name](portrait, self.look) for name in names if _has(portrait, name)}
            size = _size(found) + (0 if place in self.members else _size(EMPTY) + 12)
            if size > self.room:
                return
            self.room -= size
            self.members.setdefault(place, {**EMPTY}).update(found)

    def add_live(self, places: Sequence[int], room: int) -> None:
        """Live decoders, which have room of their own: one that is too large may be followed by a smaller one."""
        for place in places:
            live = self.portraits[place].live
            if live is None or place not in self.members:
                continue
            part = _live(live)
            if _size(part) <= room:
                self.members[place]["live"] = part
                room -= _size(part)


def _has(portrait: Portrait, name: str) -> bool:
    part = getattr(portrait, name)
    return part is not None and (not hasattr(part, "__len__") or len(part) > 0)


def _live(live: Live) -> dict[str, Any]:
    return {"program": live.program, "weights": encoded(live.weights), "tolerance": rounded(live.tolerance)}


def _look(shown: Shown, places: Iterable[int]) -> Look:
    """The scale of the examples, or of what members draw where there are none; of rows of a table of both."""
    if entries := _entries(shown):
        rows = [shown.examples, *(_events(shown.portraits[place]) for place in places)]
        known = [np.reshape(some, (-1, len(entries))) for some in rows if some is not None]
        return look_of_rows(np.concatenate(known), SIDES[0])
    if shown.examples is not None:
        return look_of(np.asarray(shown.examples, float), SIDES[0])
    drawn = [_events(shown.portraits[place]) for place in places]
    return look_of(np.concatenate([np.ravel(some) for some in drawn] or [np.zeros(0)]), SIDES[0])


def _events(portrait: Portrait) -> np.ndarray:
    known = [part for part in (portrait.reconstructions, portrait.samples) if part is not None]
    return np.concatenate([np.ravel(part) for part in known] or [np.zeros(0)])


def _fitting(shown: Shown, first: list[int], others: list[int], look: Look, room: int) -> Look:
    """The largest tiles with which the first members have everything and the others samples and reconstructions.

    What a member takes is told by the first one, of which everything else is as large as of the others.
    """
    ordered, shapes = [*first, *others], _pictures(shown)
    if not ordered or not shapes:
        return look
    longest = min(max(shapes[0][:2]), SIDES[0])
    for side in (longest, *[side for side in SIDES if side < longest]):
        look = look._replace(side=side)
        portrait = shown.portraits[ordered[0]]
        parts = {name: _size(make(portrait, look)) for name, make in _PARTS.items() if _has(portrait, name)}
        plain, whole = sum(parts.get(name, 0) for name in PLAIN), sum(parts.values())
        if len(first) * whole + len(others) * plain <= SURE * room:
            break
    return look


def _pictures(shown: Shown) -> list[tuple[int, ...]]:
    """The shape of an event, if it is a picture."""
    return [shape for shape in [tuple(_shape(shown))] if is_image(shape)]


def _shape(shown: Shown) -> list[int]:
    """Of an event, for those who draw one."""
    known = [np.shape(part)[1:] for one in shown.portraits.values() for part in one[:2] if part is not None]
    return [int(length) for length in known[0]] if known else []


def _entries(shown: Shown) -> list[str]:
    """What bars are called: the names of entries, where each has one."""
    return list(shown.entries) if _shape(shown) == [len(shown.entries)] and len(shown.entries) <= BARS else []


def _strip_of(events: Any, look: Look, columns: int) -> dict[str, Any] | None:
    return strip(events, look, columns) if events is not None and len(events) else None


def _traversals(portrait: Portrait, look: Look) -> list[dict[str, Any]]:
    return [
        {
            "latent": row.latent,
            "rate": rounded(row.rate),
            "values": rounded(row.values),
            "strip": strip(row.events, look),
        }
        for row in portrait.traversals
    ]


def _codes(portrait: Portrait, look: Look) -> dict[str, Any]:
    codes: Any = portrait.codes
    return {"points": rounded(codes.points, 3), "title": codes.title}


_PARTS: dict[str, Callable[[Portrait, Look], Any]] = {
    "samples": lambda portrait, look: _strip_of(portrait.samples, look, SAMPLES_IN_A_ROW),
    "reconstructions": lambda portrait, look: _strip_of(portrait.reconstructions, look, IN_A_ROW),
    "rates": lambda portrait, look: rounded(portrait.rates),
    "interpolation": lambda portrait, look: _strip_of(portrait.interpolation, look, IN_A_ROW),
    "codes": _codes,
    "start": lambda portrait, look: rounded(portrait.start),
    "traversals": _traversals,
}


def _size(part: Any) -> int:
    """Bytes of JSON."""
    return len(json.dumps(part))


def _left_out(shown: Shown, look: Look, members: Mapping[int, Mapping[str, Any]]) -> str:
    missed = []
    for name, said in SAID.items():
        without = [place for place in shown.portraits if not members.get(place, EMPTY)[name]]
        num = sum(_has(shown.portraits[place], name) for place in without)
        missed += [f"the {said} of {count(num, 'member')}"] if num else []
    told = [f"There was no room for {listed(missed)}."] if missed else []
    shapes = _pictures(shown)
    if shapes and max(shapes[0][:2]) > look.side:
        height, width = shapes[0][:2]
        told.append(f"Pictures of {height} x {width} pixels are shown with {look.side} along the longer side.")
    return " ".join(told)
