"""The table of a grid while it is being filled."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.errors import VaejaxError
from vaejax.grid._axes import Grid, members_of
from vaejax.grid._dataset import dataset_of
from vaejax.grid._program import Program
from vaejax.grid._run import Record

if TYPE_CHECKING:
    import xarray as xr

    from vaejax.grid._endings import Until

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

    def __init__(
        self,
        grid: Grid,
        epochs: int,
        on_segment: Callable[["xr.Dataset"], Any] | None,
        until: "Until | None" = None,
    ) -> None:
        self.grid, self.epochs, self.on_segment, self.until = grid, epochs, on_segment, until
        self.plans: dict[int, tuple[str, str]] = {}
        self.ends = segment_ends(epochs)
        self.num = len(members_of(grid))
        self.rows: dict[str, np.ndarray] = {}
        self.finite = np.ones(self.num, bool)

    def record(
        self,
        number: int,
        wave: int,
        program: Program,
        at: int,
        members: np.ndarray,
        validation: np.ndarray,
        record: Record,
    ) -> np.ndarray:
        """One segment of a wave of the program of that number: which of its members are trained no more, `[member]`.

        wave: how many members of the program came before it. program: of the members of the wave.
        members: those that were trained. validation: their bound on held-out examples; it and `record` are `[members]`.
        """
        rows = np.array(program.rows)[members]
        histories = {
            "history_validation": validation,
            "history_value": record.trained.value,
            "history_distortion": record.trained.distortion,
            "history_rate": record.trained.rate,
        }
        for name, values in histories.items():
            self._row(name, (len(self.ends),))[rows, at] = values
        for name, values in record.settings.items():
            self._row(f"objective_{name}")[rows] = values
        self._row("program")[rows] = number
        self.finite[rows] &= record.finite
        place = {"program": number, "wave": wave, "segment": number * len(self.ends) + at, "members": program.rows}
        told = self.dataset({"epoch": int(self.ends[at]), **place})
        if at < len(self.ends) - 1:
            self._end(rows, int(self.ends[at]), told)
        if self.on_segment is not None:
            self.on_segment(told)
        return self._ended(program)

    def reopened(self, program: Program, epoch: int) -> np.ndarray:
        """Which members of a program had ended by an epoch, `[member]`; it is trained from there again."""
        if "ended_epoch" in self.rows:
            ended = self.rows["ended_epoch"]
            rows = np.array(program.rows)
            ended[rows] = np.where(ended[rows] > epoch, np.nan, ended[rows])
        return self._ended(program)

    def _end(self, rows: np.ndarray, epoch: int, told: "xr.Dataset") -> None:
        """Those that have diverged are trained no more, nor those whose rule says so."""
        over = ~self.finite
        if self.until is not None:
            over |= self._over(self.until(told))
        ended = rows[over[rows]]
        if len(ended):
            self._row("ended_epoch")[ended] = epoch

    def _over(self, ended: Any) -> np.ndarray:
        """Booleans over the axes, by member. Raises: VaejaxError on anything else."""
        axes = [axis.name for axis in self.grid]
        if set(getattr(ended, "dims", ())) != set(axes) or ended.dtype != bool or ended.size != self.num:
            raise VaejaxError(
                f"until must give booleans over {', '.join(axes)}, true where training ends, got {ended!r}"
            )
        return ended.transpose(*axes).values.reshape(-1)

    def _ended(self, program: Program) -> np.ndarray:
        ended = self.rows.get("ended_epoch")
        return np.zeros(len(program.rows), bool) if ended is None else ~np.isnan(ended[list(program.rows)])

    def restore(self, rows: Mapping[str, np.ndarray], finite: np.ndarray, plans: Mapping[int, tuple[str, str]]) -> None:
        """The table as it stood when it was saved. Raises: VaejaxError where it is none of this grid."""
        whole = all(values.ndim and len(values) == self.num for values in (*rows.values(), finite))
        if not whole or finite.dtype != bool:
            raise VaejaxError(f"the table that was saved is not one of {self.num} members")
        self.rows, self.finite = {name: values.copy() for name, values in rows.items()}, finite.copy()
        self.plans = dict(plans)

    def take(self, rows: np.ndarray, known: Mapping[str, np.ndarray], finite: np.ndarray) -> None:
        """What is known of members that were there before: these rows, and whether they have parameters."""
        for name, values in known.items():
            self._row(name, values.shape[1:])[rows] = values
        self.rows["taken"] = np.zeros(self.num)
        self.rows["taken"][rows] = 1
        self.finite[rows] = finite

    def number(self, program: Program, number: int) -> None:
        """All members of a program are of that number, also those that were not trained."""
        self._row("program")[list(program.rows)] = number

    def put(self, program: Program, measures: Mapping[str, np.ndarray]) -> None:
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
        attrs = {"epochs": self.epochs, "constants": CONSTANTS, "reduction": REDUCTION, "plan": self.plan, **attrs}
        return dataset_of(self.grid, rows, {"epoch": self.ends}, attrs)

    @property
    def plan(self) -> str:
        """How each program was trained, in words."""
        return "; ".join(dict.fromkeys(f"{plan} ({why})" for plan, why in self.plans.values()))

    def _drift(self) -> np.ndarray:
        """The last validation bound less that at 80% of the epochs; what ended before stays what it was."""
        history = self.rows["history_validation"]
        ended = self.rows.get("ended_epoch", np.full(self.num, np.nan))
        last = np.where(np.isnan(ended), len(self.ends) - 1, np.searchsorted(self.ends, np.nan_to_num(ended)))
        history = np.take_along_axis(history, np.minimum(np.arange(len(self.ends)), last[:, None]).astype(int), axis=1)
        before = np.flatnonzero(self.ends <= 0.8 * self.epochs)
        return history[:, -1] - history[:, before[-1]] if len(before) else np.full(self.num, np.nan)

    def _row(self, name: str, rest: tuple[int, ...] = ()) -> np.ndarray:
        return self.rows.setdefault(name, np.full((self.num, *rest), np.nan))
