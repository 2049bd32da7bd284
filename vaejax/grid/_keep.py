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
from vaejax.grid._hosts import from_first, most
from vaejax.grid._saved import Saved, checkpoints
from vaejax.types import Params
from vaejax.versions import versions

SHARE = 50  # saving may take one part in so many of the time
GOOD = 2  # how many checkpoints are left in place, so that one may be damaged
PACKAGES = ("jax", "jaxlib", "optax")


class Place(NamedTuple):
    """Where a run is.

    program, first, step: the program that is trained, how many of its members came before the wave that is trained,
    and how many steps of it are done. rows, finite: the table so far. done, before: the parameters of the programs
    before it, and of the members before the wave. training: what a wave carries from step to step, [member, ...].
    plans: how each program was trained and why, by its number.
    """

    program: int
    first: int
    step: int
    rows: Mapping[str, np.ndarray]
    finite: np.ndarray
    done: tuple[Params, ...]
    before: Params
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
        self.last, self.took, self.saved = time.monotonic(), 0.0, (-1, -1, -1)
        self.found: Saved | None = None
        self.where: Callable[[], Place] | None = None

    def begin(self, identity: Callable[[], Mapping[str, Any]]) -> Saved | None:
        """The last good checkpoint of this very run, `None` where nothing was saved yet.

        Raises: VaejaxError where the folder holds another run, naming the difference, or nothing that can be read.
        """
        if self.folder is None:
            return None
        self.identity = {**identity(), **self.also, "versions": versions(PACKAGES)}
        self.identity = {**self.identity, "devices": jax.device_count(), "platform": jax.default_backend()}
        path = from_first(self._good)
        if path is not None:
            self.found = Saved(path, *store.read(path))
            self._require_same(self.found)
        return self.found

    def newest(self) -> Saved | None:
        """The last checkpoint of this run, `None` where there is none."""
        if self.folder is not None and self.saved[0] >= 0:
            self.found = Saved(self._path, *store.read(self._path))
        return self.found

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
        if (place.program, place.first, place.step) == self.saved:
            return
        size = next((len(leaf) for leaf in jax.tree.leaves(place.training)), 0)
        at = {"program": place.program, "first": place.first, "size": size, "step": place.step}
        note = {"identity": self.identity, **at, "plans": dict(place.plans)}
        tree = {name: getattr(place, name) for name in ("finite", "done", "before", "training")}
        self.saved, self.found = (place.program, place.first, place.step), None
        from_first(lambda: self._write({**tree, "rows": dict(place.rows)}, note))
        self.last = time.monotonic()
        self.took = self.last - started

    @property
    def _path(self) -> Path:
        """Of what was saved last."""
        assert self.folder is not None
        program, first, step = self.saved
        return self.folder / f"{program:04d}-{first:06d}-{step:012d}"

    def _write(self, tree: Any, note: Any) -> None:
        """The last place, and nothing of those that it makes needless."""
        shutil.rmtree(self._path, ignore_errors=True)  # of a run that went on from before it
        store.save(self._path, tree, note)
        for old in checkpoints(self._path.parent)[GOOD:]:
            shutil.rmtree(old)

    def _good(self) -> Path | None:
        """Where the last good checkpoint is; `None` where nothing was saved. Raises: VaejaxError where none is good."""
        assert self.folder is not None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(f"{store.TEMPORARY}*"):
                shutil.rmtree(left)
        except OSError as error:
            raise OutputError(f"cannot keep checkpoints in {self.folder}: {error.strerror or error}") from None
        found = checkpoints(self.folder)
        for path in found:
            try:
                store.contents(path)
            except VaejaxError as error:
                warnings.warn(f"{error}; the checkpoint before it is used", VaejaxWarning, stacklevel=4)
                continue
            return path
        if found:
            raise VaejaxError(f"no checkpoint in {self.folder} can be read: choose another folder to start again")
        return None

    def _require_same(self, saved: Saved) -> None:
        if not saved.tells_its_place:
            raise VaejaxError(
                f"{self.folder} was kept by another version of vaejax: go on with that one, or start again elsewhere"
            )
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


def _short(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, list | dict) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
