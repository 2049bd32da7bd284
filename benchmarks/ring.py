"""Ways as processes that work in turn, so that ratios hold on a machine that others use."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.table import Timing
from benchmarks.work import Work

ROOT = Path(__file__).parent.parent
REST = 0.2  # seconds between two ways, in which the threads of the first go to sleep
CACHES = (
    "JAX_COMPILATION_CACHE_DIR",
    "JAX_DISABLE_MOST_OPTIMIZATIONS",
)  # set-up is to compile, and steps are to be fast


class Command(NamedTuple):
    """A way: its name in the table, its module, and whether it is run by the peers' interpreter."""

    way: str
    module: str
    peer: bool = False


class Dead(Exception):  # noqa: N818, as it is the way that is dead
    """A way that ended before it was told to, with the last thing that it said."""


class Process:
    """A way that is set up and waits."""

    def __init__(self, process: subprocess.Popen, log: Path) -> None:
        self.process, self.log = process, log
        self.ready = self._heard()

    def seconds(self) -> float:
        """Of one step of one member, over a line."""
        sent = self.process.stdin
        assert sent is not None
        try:
            print(file=sent, flush=True)
        except BrokenPipeError:
            raise Dead(self._last_words()) from None
        found = self._heard()
        return found["seconds"] / found["steps"]

    def _heard(self) -> Mapping[str, Any]:
        heard = self.process.stdout
        assert heard is not None
        line = heard.readline()
        if not line:
            raise Dead(self._last_words())
        return json.loads(line)

    def _last_words(self) -> str:
        said = self.log.read_text().strip().splitlines()
        return said[-1] if said else f"it ended with status {self.process.wait()}"


@contextmanager
def started(command: Command, work: Work, folder: Path, python: str) -> Generator[Process]:
    """A way in a process of its own, ended with the block. What it says beside the protocol is in a file."""
    log = folder / f"{work.name}-{command.module}.log"
    environment = {name: value for name, value in os.environ.items() if name not in CACHES}
    with (
        log.open("w") as said,
        subprocess.Popen(
            [python, "-m", command.module, work.said(), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            cwd=ROOT,
            env={**environment, "PYTHONPATH": str(ROOT), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},  # they share a GPU
        ) as process,
    ):
        try:
            yield Process(process, log)
        finally:
            process.kill()


def timed(
    asked: Sequence[tuple[Command, Work]], folder: Path, peers: str, rounds: int
) -> tuple[dict[str, Timing], list[str]]:
    """The timings of each way by its name, and a sentence for each that could not be measured.

    All are set up one after another; then, in each round, one works while the others wait. The first round is left out.
    """
    seconds: dict[str, list[float]] = {}
    failed = []
    with ExitStack() as stack:
        running = {}
        for command, work in asked:
            try:
                python = peers if command.peer else sys.executable
                running[command.way] = stack.enter_context(started(command, work, folder, python))
            except (Dead, OSError) as error:
                failed.append(f"{work.name}: {command.way} could not be measured: {error}")
        for number in range(rounds + 1):
            for way, process in list(running.items()):
                time.sleep(REST)
                try:
                    taken = process.seconds()
                except Dead as error:
                    failed.append(f"{way} ended in round {number} and is left out: {error}")
                    del running[way]
                else:
                    seconds.setdefault(way, []).append(taken)
        found = {
            way: Timing(one.ready["seconds"], np.array(seconds[way][1:]), one.ready["first"], one.ready["after"])
            for way, one in running.items()
        }
    return found, failed
