"""A checkpoint that was read, and how one is found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vaejax import store
from vaejax.errors import VaejaxError

WHERE = {"identity", "program", "first", "size", "step"}  # what a checkpoint notes of its place
TRIES = 5  # checkpoints that are read where each may be deleted meanwhile


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
    def first(self) -> int:
        """How many of its members came before those that were trained."""
        return self.note["first"]

    @property
    def size(self) -> int:
        """How many members were trained."""
        return self.note["size"]

    @property
    def step(self) -> int:
        """How many of their steps were done."""
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

    @property
    def tells_its_place(self) -> bool:
        """Whether it notes all that this version does; what another version wrote may not."""
        return set(self.note) >= WHERE


def checkpoints(folder: Path) -> list[Path]:
    """The folders of all that there are, the newest first."""
    found = [path for path in folder.glob("*-*") if path.is_dir() and not path.name.startswith(".")]
    return sorted(found, reverse=True)


def newest_in(folder: Path, parts: tuple[str, ...]) -> Saved:
    """The newest good checkpoint of a run that may be going on meanwhile, which is not disturbed; of its arrays those
    under the names `parts`.

    The run may delete what is being read. What is newest then is read in its place, a few times.
    Raises: VaejaxError in one line where there is none, or none that can be read.
    """
    tried: dict[Path, VaejaxError] = {}
    for _ in range(TRIES):
        left = [path for path in checkpoints(folder) if path not in tried]
        if not left:
            break
        try:
            found = Saved(left[0], *store.read(left[0], parts))
        except VaejaxError as error:
            tried[left[0]] = error
            continue
        if not found.tells_its_place:
            raise VaejaxError(f"{folder} was kept by another version of vaejax")
        return found
    if tried:
        raise VaejaxError(f"no checkpoint can be read: {next(iter(tried.values()))}")
    raise VaejaxError("nothing has been saved yet")
