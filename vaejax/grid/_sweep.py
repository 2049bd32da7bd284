"""sweep: train every member of a grid, measure it, and put it in a table."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data import Data, fitted, load
from vaejax.errors import VaejaxError
from vaejax.grid._axes import Axis, Grid, axis, grid_of, members_of
from vaejax.grid._dataset import dataset_of
from vaejax.grid._devices import member_mesh, padded
from vaejax.grid._measure import measure
from vaejax.grid._plan import MemberFunction, Program, plan
from vaejax.grid._result import Member, Result, extract
from vaejax.grid._run import Record, chunks_of, compile_for
from vaejax.numerics import require_count
from vaejax.train import Batches
from vaejax.types import Example, Params, Trainer

if TYPE_CHECKING:
    import xarray as xr

SEGMENTS = 50  # a multiple of 5, so that 80% of the epochs is the end of one
LONGEST = 100  # epochs in a segment, so that a long run can be watched and stopped
CONSTANTS = "all normalising constants of likelihood, prior and posterior are in"
REDUCTION = "sum over the entries of an example, mean over examples"


def sweep(
    member: MemberFunction,
    data: Any,
    *axes: Axis,
    epochs: int,
    batch_size: int = 128,
    drop_last: bool = False,
    num_samples: int = 128,
    on_segment: Callable[["xr.Dataset"], Any] | None = None,
    **more: Any,
) -> Result:
    """Train `member(**point)` for every point of a grid in as few programs as there are architectures, and measure it.

    member: a function of its hyper-parameters that returns `vj.trainer(...)`. Those that are numbers are traced, and
        all members that differ by them alone are one program; strings and functions, and numbers that shape arrays,
        make a program each.
    data: a `data.Data`, an array, a file or the name of a data set.
    axes, more: lists of values, a product by default; see `vj.zipped` and `vj.points`. `seed` is an axis of every
        grid, [0] by default: initial weights, batches and noise come from it alone, so members of one seed share them.
    drop_last: leave out the training examples that do not fill a batch; otherwise the last one is padded, weight 0.
    num_samples: draws of z for the log likelihood.
    on_segment: called some 50 times, and at least every 100 epochs, with the histories so far, a dataset over the axes.

    Measured is the state with the best validation bound, on every example of a split once, in nats at beta 1.
    Raises: VaejaxError before anything is trained.

    >>> import optax, vaejax as vj
    >>> def member(beta, latent_size):
    ...     nets = vj.nets.mlp(8), vj.nets.mlp(8)
    ...     model = vj.vae(*nets, data_shape=(4,), latent_size=latent_size, max_latent_size=2)
    ...     return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))
    >>> rows = np.random.default_rng(0).random((40, 4))
    >>> result = sweep(member, rows, beta=[0.5, 1.0], latent_size=[1, 2], epochs=2, num_samples=4)
    >>> dict(result.dataset.elbo.sizes)
    {'beta': 2, 'latent_size': 2, 'seed': 1}
    """
    epochs, size = require_count("epochs", epochs), require_count("batch_size", batch_size)
    num_samples = require_count("num_samples", num_samples)
    grid, data = _with_seed(grid_of(axes, **more)), load(data)
    size = min(size, len(data.train))
    programs = plan(member, grid, Example(jnp.zeros((size, *data.data_shape))))
    seen = [_seen_by(program, data) for program in programs]
    sheet = Sheet(grid, epochs, on_segment)
    trained = []
    for number, (program, view) in enumerate(zip(programs, seen, strict=True)):
        params = _train(number, program, Batches(view.view, size, drop_last), view, sheet)
        sheet.put(program, measure(program, params, view, num_samples))
        trained.append(params)
    attrs = {"batch_size": size, "num_samples": num_samples, **_words(programs, seen)}
    return Result(sheet.dataset(attrs), grid, programs, tuple(trained))


def fit(trainer: Trainer, data: Any, *, epochs: int, seed: int = 0, **options: Any) -> tuple[Member, Result]:
    """One model, by the code of the grid: a sweep with one member. The model at its best on validation, and its table.

    >>> import optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> taught = vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))
    >>> (model, params), result = fit(taught, np.random.default_rng(0).random((40, 4)), epochs=2, num_samples=4)
    >>> result.dataset.elbo.shape
    (1,)
    """
    result = sweep(lambda: trainer, data, seed=[seed], epochs=epochs, **options)
    return extract(result), result


def restored(
    member: MemberFunction, data: Data, dataset: "xr.Dataset", read: Callable[[list[Any]], list[Any]], **axes: Any
) -> Result:
    """A finished result put together again; `read` gives the parameters of each program from their shapes."""
    grid = _with_seed(grid_of((), **axes))
    batch = Example(jnp.zeros((min(int(dataset.attrs["batch_size"]), len(data.train)), *data.data_shape)))
    programs = plan(member, grid, batch)
    shapes = [_params_like(program, batch) for program in programs]
    return Result(dataset, grid, programs, tuple(read(shapes)))


def remeasured(result: Result, data: Data, num_samples: int) -> "xr.Dataset":
    """The table of a result with its members measured again; what was trained and what diverged stays as it was."""
    sheet = Sheet(result.grid, int(result.dataset.attrs["epochs"]), None)
    sheet.finite = result.dataset["status"].values.reshape(-1) == "ok"
    for program, params in zip(result.programs, result.params, strict=True):
        sheet.put(program, measure(program, params, _seen_by(program, data), num_samples))
    fresh = sheet.dataset({**result.dataset.attrs, "num_samples": num_samples})
    return result.dataset.merge(fresh, overwrite_vars=list(fresh.data_vars), compat="override")


def _params_like(program: Program, batch: Example) -> Params:
    """Shapes of the parameters of the members of a program, stacked."""
    numbers = {name: jnp.asarray(values) for name, values in program.numbers.items()}
    return jax.eval_shape(
        jax.vmap(lambda numbers: program.build(numbers).init(jax.random.key(0), batch).params), numbers
    )


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

    def record(self, number: int, program: Program, at: int, record: Record) -> None:
        """One segment of the program of that number."""
        histories = {
            "history_validation": record.validation,
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
            self.on_segment(self.dataset({"epoch": int(self.ends[at]), "program": number}))

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
        rows = {**{name: values.copy() for name, values in self.rows.items()}, "status": status}
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


def _train(number: int, program: Program, batches: Batches, data: Data, sheet: Sheet) -> Params:
    """The parameters of the members at their best, stacked, on the host."""
    num = len(program.rows)
    mesh = member_mesh(num)
    compiled = compile_for(program, batches, mesh)
    train, validation = jnp.asarray(data.train), chunks_of(data.validation)
    numbers, seeds = padded((dict(program.numbers), program.seeds), mesh)
    carry = compiled.start(numbers, seeds, train[: batches.size])
    for at, (first, end) in enumerate(_segments(sheet.ends)):
        epochs = jnp.asarray(first), jnp.asarray(end - first)
        carry, record = compiled.advance(carry, numbers, seeds, train, validation, *epochs)
        sheet.record(number, program, at, jax.tree.map(lambda leaf: np.asarray(leaf)[:num], record))
    kept = jax.tree.map(lambda leaf: np.asarray(leaf)[:num], carry[1])
    sheet.put(program, {"best_epoch": kept.epoch})
    return kept.params


def _segments(ends: np.ndarray) -> Iterator[tuple[int, int]]:
    return zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)


def _with_seed(grid: Grid) -> Grid:
    columns = {name: column for one in grid for name, column in one.columns.items()}
    if "seed" not in columns:
        return (*grid, axis("seed", [0]))
    for seed in columns["seed"].values:
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
            raise VaejaxError(f"a seed must be a whole number from 0 to 2^32 - 1, got {seed!r}")
    return grid


def _seen_by(program: Program, data: Data) -> Data:
    """The data as the likelihood of these members may see them."""
    model = program.trainer(0).model
    if model.data_shape != data.data_shape:
        raise VaejaxError(f"the model is for examples of shape {model.data_shape}, {data.name} has {data.data_shape}")
    return fitted(data, model.likelihood)


def _words(programs: tuple[Program, ...], seen: list[Data]) -> dict[str, Any]:
    """What a reader of the table must know about how it was made."""
    formulas = [program.trainer(0).objective.formula for program in programs]
    return {
        "data": seen[0].name,
        "preparation": "; ".join(dict.fromkeys(one.preparation for one in seen)),
        "likelihood": "; ".join(dict.fromkeys(one.likelihood.name for one in seen)),
        "formula": "; ".join(dict.fromkeys(formulas)),
        "num_train": len(seen[0].train),
        "num_validation": len(seen[0].validation),
        "num_test": len(seen[0].test),
        "num_programs": len(programs),
    }
