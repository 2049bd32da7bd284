"""What a way says and hears: a line of JSON when it is set up, then one for each line that it reads.

    python -m benchmarks.ways.grid WORK FOLDER

It waits on its standard input while others work.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.data import Bits, bits_of
from benchmarks.work import Work, work_from

BEGAN = time.perf_counter()  # every way imports this first


class Way(NamedTuple):
    """run: so many steps of each member that it has, to their end.

    loss: nats per held example at the mean of q, with z = its mean; of a log likelihood, its negative, on images.
    members: how many `run` trains. part: of the steps of a line, where a way is slow or does more.
    """

    run: Callable[[int], Any]
    loss: Callable[[], float] | None
    members: int = 1
    part: float = 1.0


def serve(make: Callable[[Work, Bits], Way]) -> None:
    """Set a way up, then do the work of a line as often as a line is read."""
    work, folder = work_from(sys.argv[1]), Path(sys.argv[2])
    way = make(work, bits_of(work, folder))
    seconds = time.perf_counter() - BEGAN
    first = None if way.loss is None else way.loss()
    began = time.perf_counter()
    way.run(1)  # compiles
    seconds += time.perf_counter() - began
    after = None
    if way.loss is not None and work.checked > 1 and not work.num_samples:
        way.run(work.checked - 1)
        after = way.loss()
    say({"seconds": seconds, "first": first, "after": after})
    num = max(1, round(work.steps * way.part / way.members))
    for _ in sys.stdin:
        began = time.perf_counter()
        way.run(num)
        say({"seconds": time.perf_counter() - began, "steps": num * way.members})


def say(what: Any) -> None:
    """One line of JSON."""
    print(json.dumps(what), flush=True)
