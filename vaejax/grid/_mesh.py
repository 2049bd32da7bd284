"""The devices of a run: members over some, and the batch of a member's step over others."""

from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from vaejax.errors import VaejaxError
from vaejax.grid._hosts import several
from vaejax.numerics import require_count
from vaejax.plans import mesh_sizes

MEMBER, DATA = "member", "data"
SIMULATE = "where there is but a processor, simulate them: XLA_FLAGS=--xla_force_host_platform_device_count="


def mesh(grid: int | None = None, data: int = 1) -> Mesh:
    """`grid` times `data` devices: members over the first axis, `member`, the batch of a step over the second, `data`.

    grid: by default as many as there are devices for. data: a batch size must be a multiple of it. Everything else of a
    member, its parameters and the data set, lies on each of its devices.

    It pays to split a batch where members are fewer than devices, or where one of them does not fit: devices of one
    member wait for each other in every step, members never do.
    Raises: VaejaxError where there are fewer devices.

    >>> dict(mesh(grid=1).shape)
    {'member': 1, 'data': 1}
    """
    data, there = require_count("data", data), jax.device_count()
    num = max(1, there // data) if grid is None else require_count("grid", grid)
    if num * data > there:
        raise VaejaxError(
            f"a mesh of grid={num}, data={data} needs {num * data} devices, and this machine has {there} "
            f"({jax.default_backend()}): ask for fewer or, {SIMULATE}{num * data}"
        )
    return jax.make_mesh((num, data), (MEMBER, DATA), devices=jax.devices()[: num * data], axis_types=_auto(2))


def mesh_of(text: str) -> Mesh:
    """The mesh that a text asks for. Raises: VaejaxError.

    >>> dict(mesh_of("grid=1,data=1").shape)
    {'member': 1, 'data': 1}
    """
    return mesh(**mesh_sizes(text))


def mesh_text(given: Mesh | None) -> str | None:
    """What a mesh is, as `mesh_of` reads it; `None` is none."""
    return None if given is None else f"grid={num_places(given)},data={num_parts(given)}"


def usable(given: Any, size: int) -> Mesh | None:
    """A mesh as it is used here, for batches of that size. Raises: VaejaxError where it cannot be."""
    if given is None:
        return None
    if not isinstance(given, Mesh) or given.axis_names not in ((MEMBER,), (MEMBER, DATA)):
        raise VaejaxError(f"expected a mesh of the axes {MEMBER} and {DATA}, as vj.mesh makes, got {given!r}")
    left_out = {*range(jax.process_count())} - {device.process_index for device in given.devices.flat}
    if left_out:
        raise VaejaxError(f"a mesh must have a device of every process, and it has none of {sorted(left_out)}")
    parts = num_parts(given)
    if size % parts:
        less, more = size - size % parts, size - size % parts + parts
        raise VaejaxError(
            f"data={parts} splits a batch over {parts} devices, so its size must be a multiple of {parts}, got {size}: "
            f"take batches of {f'{less} or {more}' if less else more}, or another mesh"
        )
    return Mesh(given.devices, given.axis_names, axis_types=_auto(len(given.axis_names)))


def mesh_for(num_members: int, given: Mesh | None = None) -> Mesh:
    """The part of a mesh that there are members for; by default of one over all devices, a batch on one of them."""
    num = None if several() else num_members  # every process has a part in every program
    if given is None:
        return Mesh(np.array(jax.devices()[:num]), (MEMBER,), axis_types=_auto(1))
    return Mesh(given.devices[:num], given.axis_names, axis_types=_auto(len(given.axis_names)))


def own_mesh(num_members: int) -> Mesh:
    """Over devices of this process, as many as there are members for: what it computes, the others need not know of."""
    return Mesh(np.array(jax.local_devices()[:num_members]), (MEMBER,), axis_types=_auto(1))


def flat(given: Mesh | None) -> Mesh | None:
    """The same devices, each for members of its own."""
    return None if given is None else Mesh(given.devices.reshape(-1), (MEMBER,), axis_types=_auto(1))


def num_places(given: Mesh) -> int:
    """Over how many devices, or sets of them, members are spread."""
    return given.shape[MEMBER]


def num_parts(given: Mesh) -> int:
    """Over how many devices a batch is split."""
    return given.shape.get(DATA, 1)


def is_shared(given: Mesh) -> bool:
    """Whether a batch is split over devices of several processes, which then wait for each other in every step.

    >>> is_shared(mesh(grid=1))
    False
    """
    return any(len({one.process_index for one in row}) > 1 for row in given.devices.reshape(num_places(given), -1))


def spread(given: Mesh, batch: Any) -> Any:
    """A batch in the program of a member, `[example, ...]`, laid over the devices that it is split over."""
    return jax.lax.with_sharding_constraint(batch, P(DATA)) if num_parts(given) > 1 else batch


def own_places(given: Mesh, size: int) -> np.ndarray:
    """Which places of a batch of that size devices of this process work on, in order.

    >>> own_places(mesh(grid=1), 3).tolist()
    [0, 1, 2]
    """
    devices = given.devices.reshape(num_places(given), -1)
    parts = np.arange(size).reshape(num_parts(given), -1)
    own = [any(one.process_index == jax.process_index() for one in column) for column in devices.T]
    return parts[own].ravel()


def laid(given: Mesh, size: int, own: np.ndarray) -> jax.Array:
    """Batches, `[step, size, ...]`, over the devices that they are split over; `own` has the places of this process.

    >>> laid(mesh(grid=1), 3, np.zeros((2, 3, 4))).shape
    (2, 3, 4)
    """
    places = own_places(given, size)

    def part(index: Any) -> np.ndarray:
        start, stop, _ = index[1].indices(size)
        return own[:, np.searchsorted(places, start) : np.searchsorted(places, stop)]

    split = NamedSharding(given, P(None, DATA))
    return jax.make_array_from_callback((len(own), size, *own.shape[2:]), split, part)


def _auto(num_axes: int) -> tuple[AxisType, ...]:
    return (AxisType.Auto,) * num_axes
