"""Compiled programs side by side: where each operation is small, one after another leaves processors idle."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from jax.sharding import Mesh

Item = TypeVar("Item")
Result = TypeVar("Result")


def threads_for(mesh: Mesh) -> int:
    """As many as there are cores to use where the processor is the only device, else one."""
    if mesh.size > 1 or mesh.devices.flat[0].platform != "cpu":
        return 1
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return max(1, len(usable(0)))


def on_threads(function: Callable[[Item], Result], items: Iterable[Item], num: int) -> Iterator[Result]:
    """`function` of each item, in order, on so many threads, which are at most one item each ahead.

    Settings of jax that hold in a block do not hold on a thread: compile first (`ahead`).

    >>> list(on_threads(lambda n: n * n, range(4), 2))
    [0, 1, 4, 9]
    """
    if num == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(num) as pool:
        waiting: deque[Any] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > num:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:  # where somebody has had enough
                one.cancel()


def ahead(jitted: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """A jitted function compiled for arguments like these, by the settings of jax that hold here."""
    lowering: Any = jitted
    return lowering.lower(*arguments).compile()
