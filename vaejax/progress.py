"""What a run shows while it lasts: members, epoch, the best bound so far, the time left; and its history on disk."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from vaejax.history import History
from vaejax.used import compiling, peak_memory

if TYPE_CHECKING:
    import xarray as xr

PATIENCE = 5.0  # seconds after which somebody who waits is told how far it is
LINES = 5  # where there is no terminal, this many lines for each program


def counting() -> Callable[[int, int], None]:
    """A watcher of examples that says every few seconds how far it is; what is quick says nothing."""
    console, last = Console(stderr=True), [time.monotonic()]

    def told(done: int, num: int) -> None:
        if done < num and time.monotonic() - last[0] > PATIENCE:
            last[0] = time.monotonic()
            console.print(f"{done:,} of {num:,} examples")

    return told


class Progress:
    """A context for `sweep`: `update` is its `on_segment`. unit: what an epoch is called."""

    def __init__(self, epochs: int, history: History, started: float, unit: str = "epoch") -> None:
        self.epochs, self.history, self.started, self.unit = epochs, history, started, unit
        self.first_segment: float | None = None
        self.compiled = compiling()
        self.used: dict[str, Any] = {}
        self.console = Console(stderr=True)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} " + f"{unit}s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("compiling the training program", total=epochs)
        self.wave, self.plan = (0, 0), ""

    def __enter__(self) -> "Progress":
        self.bar.start()
        if not self.console.is_terminal:
            self.console.print("compiling the training program ...")
        return self

    def __exit__(self, *exception: Any) -> None:
        self.bar.stop()

    def update(self, dataset: "xr.Dataset") -> None:
        """One segment: shown, and added to history.jsonl."""
        self.first_segment = self.first_segment or time.perf_counter()
        self.history.append(dataset)
        epoch, wave = dataset.attrs["epoch"], (dataset.attrs["program"], dataset.attrs["wave"])
        if wave != self.wave:
            self.wave = wave
            self.bar.reset(self.task)
        if dataset.attrs["plan"] != self.plan:
            self.plan = dataset.attrs["plan"]
            self.console.print(f"members go through training {self.plan.split('; ')[-1]}")
        text = self._text(dataset, epoch)
        self.bar.update(self.task, completed=epoch, description=text)
        ends = dataset["epoch"].values
        shown = set(ends[np.linspace(0, len(ends) - 1, LINES).round().astype(int)].tolist())
        if not self.console.is_terminal and epoch in shown:
            self.console.print(f"{self.unit} {epoch}/{self.epochs}: {text}")
        if epoch == self.epochs:
            self.bar.update(self.task, description=f"{text}; measuring")

    def timing(self, measured: float, ended: float) -> dict[str, Any]:
        """Seconds: until the first segment was done (with compiling), of training and measuring, of writing, in all.

        compiling: of all threads together. peak_bytes: of memory. Both as they were when this was asked for first.
        """
        self.used = self.used or {"compiling": round(compiling() - self.compiled, 2), "peak_bytes": peak_memory()}
        first = self.first_segment or measured
        return {
            "first_segment": round(first - self.started, 2),
            "train_and_measure": round(measured - first, 2),
            "write": round(ended - measured, 2),
            "total": round(ended - self.started, 2),
            **self.used,
        }

    def _text(self, dataset: "xr.Dataset", epoch: int) -> str:
        bounds = dataset["history_validation"].sel(epoch=epoch).values
        alive = np.isfinite(bounds)
        diverged = int((dataset["status"].values != "ok").sum())
        best = f"best held-out bound {bounds[alive].max():.2f} nats" if alive.any() else "no finite bound"
        ended = int(np.isfinite(dataset["ended_epoch"].values).sum()) - diverged if "ended_epoch" in dataset else 0
        told = [f"{num} {what}" for num, what in ((diverged, "diverged"), (ended, "ended")) if num > 0]
        return ", ".join([f"{bounds.size} members", best, *told])
