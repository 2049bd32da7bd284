"""Several processes in one run, each with devices of its own: all take the same way, and all have the same numbers."""

from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils


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
