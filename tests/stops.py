"""Commands that are asked to stop in their middle, as by a signal."""

import contextlib
import itertools
import signal
from collections.abc import Iterator
from types import ModuleType

import pytest


@contextlib.contextmanager
def stopped_after(module: ModuleType, num: int) -> Iterator[None]:
    """Within it, what a module runs is asked to stop when it has looked so many times whether it is."""
    looks = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        stop = contextlib.nullcontext(lambda: signal.SIGTERM * (next(looks) >= num))
        patch.setattr(module, "asked_to_stop", lambda: stop)
        yield
