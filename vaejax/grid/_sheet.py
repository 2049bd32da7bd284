"""The table of a grid while it is being filled."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.errors import VaejaxError
from vaejax.grid._axes import Grid, members_of
from vaejax.grid._dataset import dataset_of
from vaejax.grid._plan import Program
from vaejax.grid._run import Record

if TYPE_CHECKING:
    import xarray as xr

SEGMENTS = 50  # a multiple of 5, so that 80% of the epochs is the end of one
LONGEST = 100  # epochs in a segment, so that a long run can be watched
CONSTANTS = "all normalising constants of likelihood, prior and posterior are in"
REDUCTION = "sum over the entries of an example, mean over examples"


def segment_ends(epochs: int) -> np.ndarray:
    """The epochs at which segments end: 50 segments, each epoch where there are fewer, more where they were long.

    >>> segment_ends(3).tolist(), segment_ends(250)[:2].tolist(), len(segment_ends(100_000))
    ([1, 2, 3], [5, 10], 1000)
    """
    num = max(min(epochs, SEGMENTS), 5 * -(-epochs // (5 * LONGEST)))
    return np.unique(np.round(np.linspace(0, epochs, num + 1)).astype(int))[1:]


class Sheet:
    """The table while it is being filled: a row for each member, NaN where nothing is known yet."""

    def __init__(self, grid: Grid, epochs: int, on_segment: Callable[["xr.Dataset"], Any] | None) -> None:
        self.grid, self.epochs, self.on_segment = grid, epochs, on_segment
        self.ends = segment_ends(epochs)
        self.num = len(members_of(grid))
        self.rows: dict[str, np.ndarray] = {}
        self.finite = np.ones(self.num, bool)

    def record(self, number: int, program: Program, at: int, validation: np.ndarray, record: Record) -> None:
        """One segment of the program of that number; `validation` is the bound on held-out examples, `[member]`."""
        histories = {
            "history_validation": validation,
            "history_value": record.trained.value,
            "history_distortion": record.trained.distortion,
            "history_rate": record.trained.rate,
        }
        for name, values in histories.items():
            self._row(name, (len(self.ends),))[list(program.rows), at] = values
        for name, values in record.settings.items():
            self._row(f"objective_{name}")[list(program.rows)] = values
        self._row("program")[list(program.rows)] = number
        self.finite[list(program.rows)] &= record.finite
        if self.on_segment is not None:
            which = {"program": number, "segment": number * len(self.ends) + at}
            self.on_segment(self.dataset({"epoch": int(self.ends[at]), **which}))

    def restore(self, rows: Mapping[str, np.ndarray], finite: np.ndarray) -> None:
        """The table as it stood when it was saved. Raises: VaejaxError where it is none of this grid."""
        whole = all(values.ndim and len(values) == self.num for values in (*rows.values(), finite))
        if not whole or finite.dtype != bool:
            raise VaejaxError(f"the table that was saved is not one of {self.num} members")
        self.rows, self.finite = {name: values.copy() for name, values in rows.items()}, finite.copy()

    def put(self, program: Program, measures: dict[str, np.ndarray]) -> None:
        """The measures of the members of a program; those that diverged keep NaN."""
        rows = np.array(program.rows)
        kept = self.finite[rows]
        for name, values in measures.items():
            if name == "num_params":
                self._row(name)[rows] = values
            else:
                self._row(name, values.shape[1:])[rows[kept]] = values[kept]

    def dataset(self, attrs: dict[str, Any]) -> "xr.Dataset":
        """The table as it stands."""
        status = np.where(self.finite, "ok", "diverged")
        rows = {**{name: values.copy() for name, values in sorted(self.rows.items())}, "status": status}
        if "history_validation" in rows:
            rows["drift"] = np.where(self.finite, self._drift(), np.nan)
        attrs = {"epochs": self.epochs, "constants": CONSTANTS, "reduction": REDUCTION, **attrs}
        return dataset_of(self.grid, rows, {"epoch": self.ends}, attrs)

    def _drift(self) -> np.ndarray:
        """The last validation bound less that at 80% of the epochs."""
        history = self.rows["history_validation"]
        before = np.flatnonzero(self.ends <= 0.8 * self.epochs)
        return history[:, -1] - history[:, before[-1]] if len(before) else np.full(self.num, np.nan)

    def _row(self, name: str, rest: tuple[int, ...] = ()) -> np.ndarray:
        return self.rows.setdefault(name, np.full((self.num, *rest), np.nan))
