"""The members of a program while they are trained: their state, group by group."""

import copy
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from vaejax.data import Data
from vaejax.grid._feed import Feed
from vaejax.grid._hosts import in_all, on_host
from vaejax.grid._layout import layout_of
from vaejax.grid._mesh import MEMBER, is_shared, num_parts, num_places
from vaejax.grid._program import Program
from vaejax.grid._run import Kept, Record, chunks_of, compile_for
from vaejax.grid._threads import on_threads
from vaejax.plans import Plan
from vaejax.train import Batches

Place = tuple[Any, Any]  # carry and kept, leaves [member, ...]


class Group(NamedTuple):
    """Members that go through training together: which, and their numbers, seeds and slots, over the devices."""

    rows: np.ndarray
    numbers: Any
    seeds: jax.Array
    slots: jax.Array


class Training:
    """The members of a program on their devices, by a plan.

    One program, compiled once, is called for each group: groups are alike. Their states lie apart, so that no step
    copies them, and a group that is not there costs nothing. There are none until it is begun.
    members: those that are trained. places: where each of them stands in the groups, one after another.
    """

    def __init__(
        self, program: Program, batches: Batches, data: Data, feed: Feed, plan: Plan, mesh: Mesh, members: np.ndarray
    ) -> None:
        self.program, self.batches, self.data, self.feed = program, batches, data, feed
        self.plan, self.mesh = plan, mesh
        self.compiled = compile_for(program, batches, mesh, plan.shared)
        self.carries: list[Any] = []
        self.kept: list[Any] = []
        self._gather(members)

    def _gather(self, members: np.ndarray) -> None:
        """Put these members into groups."""
        layout = layout_of(self.program.seeds[members], self.plan, num_places(self.mesh))
        self.members, self.places = members, layout.places
        self.groups = [self._group(members[rows]) for rows in layout.rows]

    def begin(self, place: Place | None = None) -> "Training":
        """One with states: from the start, or from what all members of the program were at, `[member, ...]`."""
        begun = copy.copy(self)
        states = in_all(lambda: jax.block_until_ready([self._begun(group, place) for group in self.groups]))
        begun.carries, begun.kept = [carry for carry, _ in states], [kept for _, kept in states]
        return begun

    def of(self, program: Program, feed: Feed) -> "Training":
        """The same of other members of the architecture, not begun; compiled once where groups are alike."""
        members = np.arange(len(program.rows))
        other = Training(program, self.batches, self.data, feed, self.plan, self.mesh, members)
        other.compiled = self.compiled
        if other.size == self.size and "step" in vars(self):
            other.step = self.step
        return other

    def without(self, ended: np.ndarray, place: Place) -> "Training":
        """The training of all but those that have ended, where that is less work.

        Where groups have a size, the others close ranks in fewer of them. A smaller program is compiled where half of
        all that are in one group have ended.
        ended, place: of all members of the program.
        """
        living = self.members[~ended[self.members]]
        smaller = layout_of(self.program.seeds[living], self.plan, num_places(self.mesh)).rows
        if smaller.shape[1] == self.size:
            if len(smaller) == len(self.groups):
                return self
            self.carries, self.kept = [], []  # all that is in them is in `place`
            self._gather(living)
            return self.begin(place)
        if 2 * smaller.size > len(self.groups) * self.size:
            return self
        self.carries, self.kept = [], []
        fresh = Training(self.program, self.batches, self.data, self.feed, self.plan, self.mesh, living)
        return fresh.begin(place)

    @property
    def size(self) -> int:
        """Places of a group, on all devices."""
        return len(self.groups[0].rows)

    @property
    def lanes(self) -> int:
        """One where devices share a batch: groups side by side would wait for each other's sums, without end."""
        return self.plan.lanes if num_parts(self.mesh) == 1 else 1

    @property
    def state_bytes(self) -> int:
        """Of the states of all groups, on a device."""
        one = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(self._shapes))
        return len(self.groups) * one // num_places(self.mesh)

    def bytes(self) -> int | None:
        """The memory that it takes on a device, as the compiler states it; `None` if it does not.

        Every group has its state, and those that are trained side by side what a step needs.
        """
        found = self.step.memory_analysis()
        if found is None:
            return None
        shared = found.argument_size_in_bytes - found.alias_size_in_bytes
        return self.state_bytes + shared + min(self.lanes, len(self.groups)) * found.temp_size_in_bytes

    def like(self) -> Any:
        """Shapes of what `here` gives for all members of the program."""
        num = len(self.program.rows)
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((num, *leaf.shape[1:]), leaf.dtype), self._shapes)

    @functools.cached_property
    def lowered(self) -> Any:
        """The training program of a group, before it is compiled."""
        split = NamedSharding(self.mesh, P(MEMBER))
        carry = self._shapes[0]
        like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=split), carry)
        advance: Any = self.compiled.advance  # of jax.jit
        return advance.lower(like, *self.groups[0][1:], *self.window(0, 1))

    @functools.cached_property
    def step(self) -> Any:
        """The training program of a group, compiled here: threads have no settings of jax that hold in a block."""
        return self.lowered.compile()

    def window(self, first: int, num: int) -> tuple[Any, ...]:
        """What all groups share in steps `first`, ..., `first + num - 1`."""
        return (*self.feed.window(first, num), jnp.asarray(first), jnp.asarray(num))

    def advance(self, first: int, num: int) -> None:
        """These steps of every member."""
        window, step = in_all(lambda: (self.window(first, num), self.step))

        def one(at: int) -> None:
            self.carries[at] = jax.block_until_ready(step(self.carries[at], *self.groups[at][1:], *window))

        def every() -> None:
            for _ in on_threads(one, range(len(self.groups)), self.lanes):
                pass

        if is_shared(self.mesh):  # who fails in a step leaves the others waiting in it: there is nobody to be told
            every()
        else:
            in_all(every)

    def look(self) -> np.ndarray:
        """The bound at beta 1 on validation, one draw of z, of each member that is trained."""
        raw, total = self.data.raw("validation"), np.zeros(len(self.groups) * self.size)
        chunks = chunks_of(raw)

        def of_next() -> list[jax.Array] | None:
            if (chunk := next(chunks, None)) is None:  # each is sent to the device once, for all groups
                return None
            pairs = zip(self.groups, self.carries, strict=True)
            return jax.block_until_ready([self.compiled.look(group.numbers, carry, chunk) for group, carry in pairs])

        for found in iter(lambda: in_all(of_next), None):
            total += np.concatenate(on_host(found))
        return (total / len(raw.x))[self.places]

    def keep(self, elbo: np.ndarray, epoch: int) -> Record:
        """Remember the parameters of those that have never been better; what there is to look at, `[member]`."""
        bounds = np.empty(len(self.program.rows))
        bounds[self.members] = elbo

        def one(at: int) -> Record:
            group = self.groups[at]
            now = self.carries[at], jnp.asarray(bounds[group.rows], float), jnp.asarray(epoch)
            self.kept[at], record = self.compiled.keep(self.kept[at], group.numbers, *now)
            return record

        return self._joined(in_all(lambda: jax.block_until_ready([one(at) for at in range(len(self.groups))])))

    def best(self) -> Kept:
        """What was kept of each member that is trained, on the host."""
        return self._joined(self.kept)

    def here(self) -> Place:
        """The state of each member that is trained, on the host."""
        return self._joined(list(zip(self.carries, self.kept, strict=True)))

    def _group(self, rows: np.ndarray) -> Group:
        numbers = {name: jnp.asarray(values[rows]) for name, values in self.program.numbers.items()}
        return Group(rows, numbers, jnp.asarray(self.program.seeds[rows]), jnp.asarray(self.feed.slots[rows]))

    def _begun(self, group: Group, place: Place | None) -> Place:
        """The states of a group: from the start, or of its members in what all were at."""
        if place is None:
            return self.compiled.start(group.numbers, group.seeds, self._few)
        split = NamedSharding(self.mesh, P(MEMBER))

        def placed(leaf: np.ndarray) -> jax.Array:
            own = leaf[group.rows]
            return jax.make_array_from_callback(own.shape, split, lambda index: own[index])

        return jax.tree.map(placed, place)

    @property
    def _few(self) -> Any:
        """The examples that initial weights may be made from."""
        return next(chunks_of(self.data.raw("train"), self.batches.size)).raw

    @functools.cached_property
    def _shapes(self) -> Any:
        """Of the carry and of what is kept of a group."""
        return jax.eval_shape(self.compiled.start, self.groups[0].numbers, self.groups[0].seeds, self._few)

    def _joined(self, trees: list[Any]) -> Any:
        """Of each member that is trained, on the host, from groups."""
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[self.places], *on_host(trees))
