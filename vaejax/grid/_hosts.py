"""Several processes in one run, each with devices of its own: all take the same way, and all have the same numbers."""

import contextlib
import pickle
import re
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count

Told = TypeVar("Told")
EXHAUSTED = "RESOURCE_EXHAUSTED"
ADDRESS = re.compile("[^:]+:[0-9]+|\\[[0-9a-fA-F:]+\\]:[0-9]+")


def several() -> bool:
    """Whether `jax.distributed.initialize` was called for more processes than this."""
    return jax.process_count() > 1


def is_first() -> bool:
    """Whether this is the process that writes and speaks for all."""
    return jax.process_index() == 0


@contextlib.contextmanager
def joined(coordinator: str | None, processes: int | None = None, process: int | None = None) -> Generator[None]:
    """A context in which this is one of several processes of a run, before which nothing may have been computed.

    coordinator: where the first process listens, as HOST:PORT; `None` is a process alone, "auto" what the cluster says
    (Slurm, Open MPI, Cloud TPU). processes: how many there are. process: which of them this is, from 0.
    Raises: VaejaxError where that cannot be.

    >>> with joined(None):
    ...     several()
    False
    """
    asked = _asked(coordinator, processes, process)
    if asked is None:
        yield
        return
    try:
        jax.distributed.initialize(*asked)
    except (RuntimeError, ValueError) as error:
        raise VaejaxError(f"these processes cannot be joined: {str(error).splitlines()[0]}") from error
    try:
        yield
    finally:
        jax.distributed.shutdown()


def _asked(coordinator: str | None, processes: int | None, process: int | None) -> tuple[Any, ...] | None:
    """What jax is told; `None` is to tell it nothing. Raises: VaejaxError."""
    if coordinator is None or coordinator == "auto":
        if processes is not None or process is not None:
            raise VaejaxError("how many processes there are, and which this is, go with a coordinator, as HOST:PORT")
        return () if coordinator == "auto" else None
    if not ADDRESS.fullmatch(coordinator):
        raise VaejaxError(f"expected a coordinator as HOST:PORT, or auto, got {coordinator!r}")
    if processes is None or process is None:
        raise VaejaxError("with a coordinator, say how many processes there are and which of them this is, from 0")
    num = require_count("processes", processes)
    if not 0 <= process < num:
        raise VaejaxError(f"process must be from 0 to {num - 1}, as there are {num} processes, got {process}")
    return coordinator, num, process


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


def since(began: float) -> float:
    """Seconds since `time.monotonic()` was that, in the process where they are most: the same in all.

    >>> since(time.monotonic() - 1.0) >= 1.0
    True
    """
    passed = time.monotonic() - began
    return most(min(int(1e6 * passed), 2**31 - 1))[0] / 1e6 if several() else passed


def in_all(function: Callable[[], Told]) -> Told:
    """What a function gives that says nothing to other processes; where it fails in one of them it fails in all.

    Memory that has ended in one has so ended in all, and another failure of one is raised there as it is. None waits
    for one that is gone.
    Raises: VaejaxError where another process has failed.

    >>> in_all(lambda: 3)
    3
    """
    if not several():
        return function()
    found: Any = None
    error = None
    try:
        found = function()
    except Exception as raised:
        error = raised
    own = 0 if error is None else 1 if out_of_memory(error) else 2
    (worst,) = most(own)
    if error is not None and own == worst:
        raise error
    if worst == 1:
        raise jax.errors.JaxRuntimeError(f"{EXHAUSTED}: in another process")
    if worst:
        raise VaejaxError("another process of this run has failed, and says why")
    return found


def out_of_memory(error: Exception) -> bool:
    """Whether memory has ended."""
    return isinstance(error, jax.errors.JaxRuntimeError) and EXHAUSTED in str(error)


def from_first(function: Callable[[], Told]) -> Told:
    """What a function gives in the first process, which alone calls it; what it raises there is raised in all.

    >>> from_first(lambda: "written")
    'written'
    """
    if not several():
        return function()
    told: Any = None
    if is_first():
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
    (num,) = most(len(text) if is_first() else 0)
    row = np.zeros(num, np.uint8)
    if is_first():
        row[:] = np.frombuffer(text, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(row)).tobytes()
