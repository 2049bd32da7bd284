"""A run that survives: where it is, saved at intervals and when it is asked to stop, and found again."""

import json
import shutil
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from vaejax import store
from vaejax.errors import OutputError, Stopped, VaejaxError, VaejaxWarning
from vaejax.grid._hosts import most, several
from vaejax.types import Params
from vaejax.versions import versions

SHARE = 50  # saving may take one part in so many of the time
GOOD = 2  # how many checkpoints are left in place, so that one may be damaged
PACKAGES = ("jax", "jaxlib", "optax")


class Place(NamedTuple):
    """Where a run is.

    program, step: the program that is trained and how many steps of it are done. rows, finite: the table so far.
    done: the parameters of the programs before it. training: what the program carries from step to step, [member, ...].
    plans: how each program was trained and why, by its number.
    """

    program: int
    step: int
    rows: Mapping[str, np.ndarray]
    finite: np.ndarray
    done: tuple[Params, ...]
    training: Any
    plans: Mapping[int, tuple[str, str]]


class Keeper:
    """Checkpoints of one run in `folder`, or none at all where it is `None`.

    A place is saved when `seconds` have passed since the last, and 50 times as long as saving it took: saving costs
    at most a fiftieth of the time. `stop` is asked between slices of a few seconds; where it gives a number but 0, the
    place is saved and `Stopped` is raised with it. `also` is what else a run must share with the one it goes on with.
    """

    def __init__(self, folder: Path | str | None, seconds: float = 30.0, stop: Callable[[], int] = lambda: 0) -> None:
        self.folder = None if folder is None else Path(folder).expanduser().resolve()
        self.seconds, self.stop = seconds, stop
        self.identity: Mapping[str, Any] = {}
        self.also: Mapping[str, Any] = {}
        self.last, self.took, self.saved = time.monotonic(), 0.0, (-1, -1)
        self.where: Callable[[], Place] | None = None

    def begin(self, identity: Callable[[], Mapping[str, Any]]) -> "Saved | None":
        """The last good checkpoint of this very run, `None` where nothing was saved yet.

        Raises: VaejaxError where the folder holds another run, naming the difference, or nothing that can be read.
        """
        if self.folder is None:
            return None
        if several():
            raise VaejaxError(f"one process can keep its run, not {jax.process_count()} together: leave out keep")
        self.identity = {**identity(), **self.also, "versions": versions(PACKAGES)}
        self.identity = {**self.identity, "devices": jax.device_count(), "platform": jax.default_backend()}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(f"{store.TEMPORARY}*"):
                shutil.rmtree(left)
        except OSError as error:
            raise OutputError(f"cannot keep checkpoints in {self.folder}: {error.strerror or error}") from None
        found = self._checkpoints()
        for path in found:
            try:
                saved = Saved(path, *store.read(path))
            except VaejaxError as error:
                warnings.warn(f"{error}; the checkpoint before it is used", VaejaxWarning, stacklevel=4)
                continue
            self._require_same(saved)
            return saved
        if found:
            raise VaejaxError(f"no checkpoint in {self.folder} can be read: choose another folder to start again")
        return None

    def offer(self, where: Callable[[], Place]) -> None:
        """Save the place if it is time to. Raises: Stopped where the run was asked to stop, with the place saved."""
        self.where = where
        self.poll()

    def end(self) -> None:
        """Save the last place that was offered: the run is at its end."""
        self._save()

    def poll(self) -> None:
        """Offer the last place again, while nothing is trained."""
        now = time.monotonic() - self.last >= max(self.seconds, SHARE * self.took)
        stopping, now = most(self.stop(), now)
        if stopping or now:
            self._save()
        if stopping:
            raise Stopped(stopping)

    def _save(self) -> None:
        if self.folder is None or self.where is None:
            return
        started, place = time.monotonic(), self.where()
        if (place.program, place.step) == self.saved:
            return
        note = {"identity": self.identity, "program": place.program, "step": place.step, "plans": dict(place.plans)}
        tree = {"rows": dict(place.rows), "finite": place.finite, "done": place.done, "training": place.training}
        store.save(self.folder / f"{place.program:04d}-{place.step:012d}", tree, note)
        for old in self._checkpoints()[GOOD:]:
            shutil.rmtree(old)
        self.last, self.saved = time.monotonic(), (place.program, place.step)
        self.took = self.last - started

    def _checkpoints(self) -> list[Path]:
        """The newest first."""
        found = [] if self.folder is None else [path for path in self.folder.glob("*-*") if path.is_dir()]
        return sorted((path for path in found if not path.name.startswith(".")), reverse=True)

    def _require_same(self, saved: "Saved") -> None:
        before, now = dict(saved.note["identity"]), json.loads(json.dumps(self.identity))
        for name in ("devices", "platform", "mesh"):
            if before.pop(name, None) != now.pop(name, None):
                warnings.warn(
                    f"the run goes on with other {name} than before: last digits may differ",
                    VaejaxWarning,
                    stacklevel=5,
                )
        different = [name for name in now if before.get(name) != now[name]]
        if different:
            was = [f"{name} was {_short(before.get(name))} and is now {_short(now[name])}" for name in different]
            raise VaejaxError(f"{self.folder} holds a run of another configuration: {'; '.join(was)}")


class Saved(NamedTuple):
    """A checkpoint that was read: its arrays by name, and where the run was."""

    path: Path
    arrays: Mapping[str, np.ndarray]
    note: Mapping[str, Any]

    @property
    def program(self) -> int:
        """The program that was trained."""
        return self.note["program"]

    @property
    def step(self) -> int:
        """How many of its steps were done."""
        return self.note["step"]

    @property
    def plans(self) -> dict[int, tuple[str, str]]:
        """How each program was trained and why, by its number."""
        return {int(number): (plan, why) for number, (plan, why) in self.note.get("plans", {}).items()}

    @property
    def rows(self) -> dict[str, np.ndarray]:
        """The table so far."""
        return {name.removeprefix("rows/"): a for name, a in self.arrays.items() if name.startswith("rows/")}

    @property
    def finite(self) -> np.ndarray:
        """Which members had parameters."""
        return self.arrays["finite"]

    def part(self, name: str, like: Any) -> Any:
        """A part of the place that has the structure and shapes of `like`. Raises: VaejaxError where it has not."""
        return store.unflattened(self.path, self.arrays, name, like)


def _short(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, list | dict) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
