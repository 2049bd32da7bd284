"""Several processes in one run, each with devices of its own: all take the same way, and all have the same numbers."""

import pickle
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

Told = TypeVar("Told")


def several() -> bool:
    """Whether `jax.distributed.initialize` was called for more processes than this."""
    return jax.process_count() > 1


def on_host(tree: Any) -> Any:
    """What lies over the devices of a run, as NumPy's, whole in every process.

    >>> on_host({"beta": jax.numpy.ones(2)})["beta"].tolist()
    [1.0, 1.0]
    """
    return multihost_utils.process_allgather(tree, tiled=True) if several() else jax.device_get(tree)


def most(*numbers: int) -> tuple[int, ...]:
    """The largest of each in any process: what depends on a clock, or on who is asked to stop, is the same in all.

    >>> most(3, 0)
    (3, 0)
    """
    if not several():
        return numbers
    found = multihost_utils.process_allgather(np.array(numbers, np.int32))
    return tuple(np.asarray(found).reshape(-1, len(numbers)).max(0).tolist())


def from_first(function: Callable[[], Told]) -> Told:
    """What a function gives in the first process, which alone calls it; what it raises there is raised in all.

    >>> from_first(lambda: "written")
    'written'
    """
    if not several():
        return function()
    told: Any = None
    if jax.process_index() == 0:
        try:
            told = function(), None
        except Exception as error:
            told = None, error
    found, error = pickle.loads(_sent(pickle.dumps(told)))
    if error is not None:
        raise error
    return found


def _sent(text: bytes) -> bytes:
    """Those of the first process."""
    (num,) = most(len(text) if jax.process_index() == 0 else 0)
    row = np.zeros(num, np.uint8)
    if jax.process_index() == 0:
        row[:] = np.frombuffer(text, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(row)).tobytes()
