"""Signals that ask a run to stop, so that it can be saved first."""

import contextlib
import signal
import sys
from collections.abc import Callable, Generator
from typing import Any


@contextlib.contextmanager
def asked_to_stop() -> Generator[Callable[[], int]]:
    """The number of the signal that asked a run to stop, else 0. A second signal ends it at once."""
    asked: list[int] = []

    def ask(number: int, frame: Any) -> None:
        asked.append(number)
        for one, handler in before.items():
            signal.signal(one, handler)
        print("vaejax: stopping after these steps, to save them; once more stops at once", file=sys.stderr)

    before: dict[int, Any] = {}
    with contextlib.suppress(ValueError):  # only the main thread may
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, ask)
    try:
        yield lambda: asked[0] if asked else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
