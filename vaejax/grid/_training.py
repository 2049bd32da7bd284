"""The members of a program while they are trained: their state, lane by lane."""

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from vaejax.data import Data
from vaejax.grid._devices import MEMBER
from vaejax.grid._feed import Feed
from vaejax.grid._layout import layout_of
from vaejax.grid._plan import Plan
from vaejax.grid._program import Program
from vaejax.grid._run import Chunk, Kept, Record, chunks_of, compile_for
from vaejax.train import Batches

Place = tuple[Any, Any]  # carry and kept, leaves [member, ...]


class Lane(NamedTuple):
    """Members that one thread trains. groups: of each device, how many of its groups are in use."""

    rows: np.ndarray
    numbers: Any
    seeds: jax.Array
    slots: jax.Array
    groups: jax.Array


class Training:
    """The members of a program on their devices, by a plan.

    members: those that are trained, and places: where each of them stands. What has ended may be here no more.
    room: places of a lane on each device.
    """

    def __init__(
        self, program: Program, batches: Batches, data: Data, feed: Feed, plan: Plan, mesh: Mesh, members: np.ndarray
    ) -> None:
        self.program, self.batches, self.data, self.feed, self.plan, self.mesh = (
            program,
            batches,
            data,
            feed,
            plan,
            mesh,
        )
        self.carries: list[Any] = []
        self.kept: list[Any] = []
        self._place(members)
        self.compiled = compile_for(program, batches, mesh, self.layout.at_once, plan.shared)

    def _place(self, members: np.ndarray, room: int = 0) -> None:
        """Give each of these members a place; lanes have `room` places for each device, if they need no more."""
        self.members = members
        self.layout = layout_of(self.program.seeds[members], self.plan, self.mesh.size)
        used = self.layout.rows.shape[1] // self.mesh.size
        self.room = max(room, used)
        self.lanes = [self._lane(members[rows], used // self.layout.at_once) for rows in self.layout.rows]
        stands = np.concatenate([lane.rows for lane in self.lanes])
        self.places = np.array([int(np.argmax(stands == member)) for member in members])

    def begin(self, place: Place | None = None) -> "Training":
        """From the start, or from what all members of the program were at, `[member, ...]`."""
        if place is None:
            raw = next(chunks_of(self.data.raw("train"), self.batches.size)).raw
            begun = [self.compiled.start(lane.numbers, lane.seeds, raw) for lane in self.lanes]
        else:
            begun = [self._taken(place, lane.rows) for lane in self.lanes]
        self.carries, self.kept = (list(leaves) for leaves in zip(*self._put(begun), strict=True))
        return self

    def without(self, ended: np.ndarray, place: Callable[[], Any]) -> "Training":
        """The training of all but those that have ended, where that is less work.

        ended, place: of all members of the program.

        Whole groups that are in use no more cost nothing in the same program. A smaller one is compiled where half of
        what one group of all has ended.
        """
        living = self.members[~ended[self.members]]
        smaller = layout_of(self.program.seeds[living], self.plan, self.mesh.size)
        used = smaller.rows.shape[1] // self.mesh.size
        if smaller.at_once == self.layout.at_once and len(smaller.rows) == len(self.layout.rows):
            if used == int(self.lanes[0].groups[0]) * self.layout.at_once:
                return self
            self._place(living, self.room)
            return self.begin(place())
        if 2 * smaller.rows.size > self.layout.rows.size:
            return self
        fresh = Training(self.program, self.batches, self.data, self.feed, self.plan, self.mesh, living)
        return fresh.begin(place())

    def like(self) -> Any:
        """Shapes of what `here` gives."""
        raw = next(chunks_of(self.data.raw("train"), self.batches.size)).raw
        shapes = jax.eval_shape(self.compiled.start, self.lanes[0].numbers, self.lanes[0].seeds, raw)
        num = len(self.program.rows)
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((num, *leaf.shape[1:]), leaf.dtype), shapes)

    @functools.cached_property
    def lowered(self) -> Any:
        """The training program of a lane, before it is compiled. All lanes are alike."""
        raw = next(chunks_of(self.data.raw("train"), self.batches.size)).raw
        lane = self.lanes[0]
        carry, _ = jax.eval_shape(self.compiled.start, lane.numbers, lane.seeds, raw)
        split = NamedSharding(self.mesh, P(MEMBER))
        like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=split), carry)
        advance: Any = self.compiled.advance  # of jax.jit
        return advance.lower(like, *lane[1:], *self.window(0, 1))

    @functools.cached_property
    def step(self) -> Any:
        """The training program of a lane, compiled here: threads have no settings of jax that hold in a block."""
        return self.lowered.compile()

    def window(self, first: int, num: int) -> tuple[Any, ...]:
        """What all lanes share in steps `first`, ..., `first + num - 1`."""
        return (*self.feed.window(first, num), jnp.asarray(first), jnp.asarray(num))

    def advance(self, first: int, num: int) -> None:
        """These steps of every member."""
        window, step = self.window(first, num), self.step

        def one(at: int) -> Any:
            return jax.block_until_ready(step(self.carries[at], *self.lanes[at][1:], *window))

        self.carries = _side_by_side(one, range(len(self.lanes)))

    def look(self) -> np.ndarray:
        """The bound at beta 1 on validation, one draw of z, of each member that is trained."""
        raw = self.data.raw("validation")

        def one(lane: Lane, carry: Any) -> np.ndarray:
            def score(chunk: Chunk) -> np.ndarray:
                return np.asarray(self.compiled.look(lane.numbers, carry, chunk), np.float64)

            return np.sum([score(chunk) for chunk in chunks_of(raw)], axis=0) / len(raw.x)

        return np.concatenate(list(map(one, self.lanes, self.carries)))[self.places]

    def keep(self, elbo: np.ndarray, epoch: int) -> Record:
        """Remember the parameters of those that have never been better; what there is to look at, `[member]`."""
        records = []
        for at, lane in enumerate(self.lanes):
            bounds = np.empty(len(self.program.rows))
            bounds[self.members] = elbo
            self.kept[at], record = self.compiled.keep(
                self.kept[at], lane.numbers, self.carries[at], jnp.asarray(bounds[lane.rows], float), jnp.asarray(epoch)
            )
            records.append(record)
        return self._joined(records)

    def best(self) -> Kept:
        """What was kept of each member that is trained, on the host."""
        return self._joined(self.kept)

    def here(self) -> Place:
        """The state of each member that is trained, on the host."""
        return self._joined(list(zip(self.carries, self.kept, strict=True)))

    def _lane(self, rows: np.ndarray, num_groups: int) -> Lane:
        program, devices = self.program, self.mesh.size
        own = rows.reshape(devices, -1)
        rows = np.concatenate([own, np.repeat(own[:, -1:], self.room - own.shape[1], axis=1)], axis=1).ravel()
        numbers = {name: jnp.asarray(values[rows]) for name, values in program.numbers.items()}
        groups = jnp.full(devices, num_groups, jnp.int32)
        return Lane(rows, numbers, jnp.asarray(program.seeds[rows]), jnp.asarray(self.feed.slots[rows]), groups)

    def _taken(self, tree: Any, rows: np.ndarray) -> Any:
        return jax.tree.map(lambda leaf: jnp.asarray(leaf[rows]), tree)

    def _put(self, tree: Any) -> Any:
        return jax.device_put(tree, NamedSharding(self.mesh, P(MEMBER)))

    def _joined(self, trees: list[Any]) -> Any:
        """Of each member that is trained, on the host, from lanes."""
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[self.places], *jax.device_get(trees))


def _side_by_side(function: Callable[[int], Any], items: Iterable[int]) -> list[Any]:
    """`function` of each item on a thread of its own; a processor that is given one small operation at a time idles."""
    items = list(items)
    if len(items) == 1:
        return [function(items[0])]
    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(function, items))


def bytes_of(compiled: Any, num_lanes: int) -> int | None:
    """The memory that lanes of a compiled program take at once, as the compiler states it; `None` if it does not."""
    found = compiled.memory_analysis()
    if found is None:
        return None
    fixed = found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes
    return num_lanes * (fixed + found.temp_size_in_bytes)


def lanes_for(mesh: Mesh) -> int:
    """How many threads train side by side: as many as there are cores where the processor is the only device."""
    if mesh.size > 1 or mesh.devices.flat[0].platform != "cpu":
        return 1
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return max(1, len(usable(0)))
