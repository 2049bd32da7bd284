"""evaluate: every measure that applies, of every member, in the table."""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.data import load
from vaejax.errors import VaejaxError
from vaejax.grid import DESCRIPTIONS, Program, Result, members_of, seen_by, some_of
from vaejax.numerics import require_count
from vaejax.types import Number

from ._agreement import agreement
from ._anatomy import anatomy
from ._cost import cost
from ._dimension import dimension
from ._disentanglement import disentanglement
from ._generation import generation
from ._held import Held, held_of, looking
from ._learned import Learned, learned_of
from ._likelihood import likelihood
from ._reconstruction import reconstruction
from ._representation import representation
from ._types import Measure, Members, Values

if TYPE_CHECKING:
    import xarray as xr

MEASURES: Mapping[str, Callable[[], Measure]] = {
    "likelihood": likelihood,
    "anatomy": anatomy,
    "reconstruction": reconstruction,
    "generation": generation,
    "representation": representation,
    "disentanglement": disentanglement,
    "agreement": agreement,
    "dimension": dimension,
    "cost": cost,
}


def everything() -> list[Measure]:
    """Every measure there is, as it is by default.

    >>> [measure.name for measure in everything()][:3]
    ['likelihood', 'anatomy', 'reconstruction']
    """
    return [make() for make in MEASURES.values()]


def evaluate(
    result: Result,
    data: Any,
    measures: Sequence[Measure] | None = None,
    *,
    num_examples: Number = 1000,
    on_measured: Callable[[str, float], Any] = lambda name, seconds: None,
) -> "xr.Dataset":
    """The table of a grid with more columns: whatever of `measures` applies to its members and the data.

    data: those of the sweep. measures: by default `vj.evaluation.everything()`.
    num_examples: of the test split, at most, and twice as many of training for what is learned from codes: the held
        examples, the same ones every time. All members are measured on them with the same noise, as they are at their
        own sizes, whoever else is in the grid.
    on_measured: called after each of the measures with its name and the seconds it took, compiling included.

    A column's description says what it is; `attrs["not_measured"]` which columns are not there and why, a line each;
    `attrs["evaluated"]` which are; `attrs["warnings"]` what to know before a conclusion is drawn. Members that
    diverged have NaN.
    Raises: VaejaxError where a column has the name of another, or data do not fit.

    >>> import optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> taught = vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))
    >>> rows = np.random.default_rng(0).random((40, 4))
    >>> _, result = vj.fit(taught, rows, epochs=2, num_samples=4)
    >>> table = evaluate(result, rows, [vj.evaluation.dimension()])
    >>> table.dimension_codes.dims
    ('seed',)
    """
    data, num = load(data), require_count("num_examples", num_examples)
    measures = everything() if measures is None else list(measures)
    _require_own_names(result, measures)
    held: dict[str, tuple[Held, Learned]] = {}
    members = []
    ok = result.dataset["status"].values.reshape(-1) == "ok"
    for program, params in zip(result.programs, result.params, strict=True):
        seen = seen_by(program, data)
        if seen.preparation not in held:
            look, draws = looking(seen), int(result.dataset.attrs["num_samples"])
            held[seen.preparation] = held_of(seen, look, num, draws), learned_of(seen, look)
        members.append(_alive(Members(program, params, *held[seen.preparation]), ok))
    table, reasons = result.dataset, []
    for measure in measures:
        started = time.perf_counter()
        columns = _Columns(result, measure)
        for some in members:
            columns.put(some)
        table, why = columns.into(table), columns.reasons()
        reasons += why
        on_measured(measure.name, time.perf_counter() - started)
    warned = [text for one in measures if set(one.columns) <= set(table) for text in one.warns(table)]
    used = ", ".join(f"{len(one.test.x)} of test and {len(one.train.x)} of train" for one, _ in held.values())
    names = [name for one in measures for name in one.columns if name in table]
    attrs = {"not_measured": "\n".join(reasons), "warnings": "\n".join(warned), "held_examples": used}
    return table.assign_attrs(attrs, evaluated=" ".join(names))


class _Columns:
    """The columns of one measure while they are being filled; NaN where nothing is known."""

    def __init__(self, result: Result, measure: Measure) -> None:
        self.result, self.measure = result, measure
        self.num = len(members_of(result.grid))
        self.found: dict[str, list[tuple[tuple[int, ...], np.ndarray]]] = {}
        self.why: dict[str, dict[str, list[str]]] = {}  # the columns without numbers by reason, and of whom

    def put(self, members: Members) -> None:
        """What there is of the members of a program."""
        rows = members.program.rows
        try:
            values: Values = self.measure.of(members) if rows else dict.fromkeys(self.measure.columns, "all diverged")
        except VaejaxError as error:
            values = dict.fromkeys(self.measure.columns, str(error))
        if set(values) != set(self.measure.columns):
            raise VaejaxError(
                f"the measure {self.measure.name} describes {', '.join(self.measure.columns)} and gives "
                f"{', '.join(values)}"
            )
        for name, value in values.items():
            if isinstance(value, str):
                self.why.setdefault(value, {}).setdefault(name, []).append(self._whose(members.program))
            else:
                self.found.setdefault(name, []).append((rows, self._checked(name, np.asarray(value), len(rows))))

    def into(self, table: "xr.Dataset") -> "xr.Dataset":
        """The table with them; one that is wider in one program than in another is filled up with NaN."""
        shape, dims = zip(*((axis.size, axis.name) for axis in self.result.grid), strict=True)
        variables = {}
        for name in self.measure.columns:
            if name not in self.found:
                continue
            more = self.measure.dims.get(name, ())
            widest = np.max([values.shape[1:] for _, values in self.found[name]], axis=0).astype(int)
            whole = np.full((self.num, *widest), np.nan)
            for rows, values in self.found[name]:
                where: Any = np.ix_(np.array(rows), *map(np.arange, values.shape[1:]))
                whole[where] = values
            text = {"description": self.measure.columns[name]}
            variables[name] = ((*dims, *more), whole.reshape(*shape, *widest), text)
        return table.drop_vars([name for name in variables if name in table]).assign(variables)

    def reasons(self) -> list[str]:
        """A line for each reason why something is not measured, with all that it holds for."""
        lines = []
        for reason, columns in self.why.items():
            whose = [text for text in dict.fromkeys(itertools.chain(*columns.values())) if text]
            of = f" of {'; '.join(whose)}" if whose else ""
            lines.append(f"{', '.join(columns)}{of}: {' '.join(reason.split())}")
        return lines

    def _checked(self, name: str, values: np.ndarray, num: int) -> np.ndarray:
        dims = self.measure.dims.get(name, ())
        if values.ndim != 1 + len(dims) or len(values) != num:
            raise VaejaxError(
                f"expected of {name} a number for each member{' and ' + ', '.join(dims) if dims else ''}, got an array "
                f"of shape {values.shape} of {num} members: name further dimensions in Measure.dims"
            )
        return values.astype(float)

    def _whose(self, program: Program) -> str:
        """Which members of the grid, where there are others."""
        if len(self.result.programs) == 1 or not program.rows:
            return ""
        row = members_of(self.result.grid)[program.rows[0]]
        return ", ".join(f"{name}={row[name][1]}" for name in program.static)


def _alive(members: Members, ok: np.ndarray) -> Members:
    """The members of a program that did not diverge."""
    at = np.flatnonzero(ok[np.array(members.program.rows)])
    program, params = some_of(members.program, members.params, at.tolist())
    return members._replace(program=program, params=params)


def _require_own_names(result: Result, measures: Iterable[Measure]) -> None:
    """Refuses a column that would take the place of another, or of a dimension."""
    taken = {*DESCRIPTIONS, "program", *map(str, result.dataset.coords), *map(str, result.dataset.dims)}
    for measure in measures:
        names = {*measure.columns, *(name for dims in measure.dims.values() for name in dims)}
        if names & taken:
            raise VaejaxError(f"{min(names & taken)!r} of the measure {measure.name} is taken: give it another name")
        taken |= set(measure.columns)
