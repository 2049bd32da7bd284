"""sweep: train every member of a grid, measure it, and put it in a table."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from vaejax.data import Data, digest, fitted, load
from vaejax.errors import VaejaxError, VaejaxWarning
from vaejax.grid._axes import Axis, Grid, axis, grid_of, labels_of
from vaejax.grid._dataset import DESCRIPTIONS
from vaejax.grid._endings import Until
from vaejax.grid._keep import Keeper
from vaejax.grid._measure import measure
from vaejax.grid._mesh import mesh_text, usable
from vaejax.grid._onto import DATA, Before
from vaejax.grid._program import MemberFunction, Program, params_like, programs_of
from vaejax.grid._result import Member, Result, extract
from vaejax.grid._sheet import Sheet
from vaejax.grid._waves import Work, keeping_of, train_program
from vaejax.numerics import require_count
from vaejax.plans import Plan
from vaejax.train import Batches, unfinished
from vaejax.types import Example, Params, Trainer

if TYPE_CHECKING:
    import xarray as xr


def sweep(
    member: MemberFunction,
    data: Any,
    *axes: Axis,
    epochs: int,
    batch_size: int = 128,
    drop_last: bool = False,
    num_samples: int = 128,
    on_segment: Callable[["xr.Dataset"], Any] | None = None,
    keep: str | Path | Keeper | None = None,
    plan: Plan | None = None,
    until: Until | None = None,
    memory: int | None = None,
    onto: Result | None = None,
    mesh: Mesh | None = None,
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
    keep: a folder for checkpoints (see `vj.Keeper`). A run that was killed goes on from the last of them when it is
        started again with the same arguments, and its results are, on the same machine, the same to the last bit.
    plan: how members are trained, a `vj.Plan`, like `vj.together` or `vj.in_turn`. By default the fastest, as trials
        on this machine tell where training takes more than a minute, and remembered (VAEJAX_CACHE, by default
        ~/.cache/vaejax); the table says which and why, `attrs["plan"]`. Results agree across plans up to rounding.
    until: which members are trained no more, from the table so far, asked at each segment: `vj.patience(20)`,
        `vj.halving(...)`, or any function from a dataset to booleans over the axes. What has diverged always ends.
        Those that remain close ranks, so that what has ended costs nothing, or little.
    memory: bytes that training may take; by default most of the device's, or of what is free. Plans are chosen to fit:
        members that do not fit together are trained in waves, one after another.
    onto: a finished result. Its members that are in this grid too are taken over with all that was measured, to the
        last bit, and only the others are trained; `taken` of the table says which. Data, settings and what `member`
        computes must be its own, else it is refused; the plan may be another.
    mesh: the devices, like `vj.mesh(grid=4, data=2)`: members over 4 pairs, a batch over the two of a pair. By default
        members over all devices. Results agree across meshes up to rounding; a run may go on with another. After
        `jax.distributed.initialize` all processes call this alike and return the same; a folder to keep is one that
        all of them see.

    Measured is the state with the best validation bound, on every example of a split once, in nats at beta 1.
    Raises: VaejaxError before anything is trained.

    >>> import numpy as np, optax, vaejax as vj
    >>> def member(beta, latent_size):
    ...     nets = vj.nets.mlp(8), vj.nets.mlp(8)
    ...     model = vj.vae(*nets, data_shape=(4,), latent_size=latent_size, max_latent_size=2)
    ...     return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))
    >>> rows = np.random.default_rng(0).random((40, 4))
    >>> result = sweep(member, rows, beta=[0.5, 1.0], latent_size=[1, 2], epochs=2, num_samples=4)
    >>> dict(result.dataset.elbo.sizes)
    {'beta': 2, 'latent_size': 2, 'seed': 1}

    Two members more, for a third beta:

    >>> more = sweep(member, rows, beta=[0.5, 1.0, 2.0], latent_size=[1, 2], epochs=2, num_samples=4, onto=result)
    >>> more.dataset.taken.sum("latent_size").values.ravel().tolist()
    [2.0, 2.0, 0.0]
    """
    epochs, size = require_count("epochs", epochs), require_count("batch_size", batch_size)
    num_samples = require_count("num_samples", num_samples)
    grid, data = with_seed(grid_of(axes, **more)), load(data)
    before = Before(grid, onto)
    size = min(size, len(data.train))
    mesh = usable(mesh, size)
    programs = programs_of(member, grid, _blank(data, size))
    seen = [seen_by(program, data) for program in programs]
    batches = [Batches(view.example, size, len(view.train), drop_last) for view in seen]
    going_on = _going_on(programs, [epochs * one.num_steps for one in batches])
    facts = _facts(until, epochs=epochs, batch_size=size, drop_last=drop_last, num_samples=num_samples)
    hashes = _digests(seen)
    before.require_same(facts, programs, seen, hashes)
    sheet = Sheet(grid, epochs, on_segment, until)
    before.fill(sheet)
    keeper = keep if isinstance(keep, Keeper) else Keeper(keep)
    identity = {**facts, **_identity(grid, plan, until), "data": list(hashes.values())}
    saved = keeper.begin(lambda: {**identity, "onto": before.identity, "mesh": mesh_text(mesh)})
    if saved is not None:
        sheet.restore(saved.rows, saved.finite, saved.plans)
    trained: list[Params] = []
    for number, (program, view) in enumerate(zip(programs, seen, strict=True)):
        if saved is not None and number < saved.program:
            trained.append(saved.part(f"done/{number}", params_like(program)))
            continue

        left, params = before.left(program), None
        if left.rows:
            measured = functools.partial(measure, data=view, num_samples=num_samples, poll=keeper.poll, mesh=mesh)
            work = Work(left, number, batches[number], view, plan, memory, mesh, measured)
            params = train_program(work, sheet, keeping_of(keeper, sheet, tuple(trained), left, number))
        sheet.number(program, number)
        trained.append(before.joined(program, params))
        keeping_of(keeper, sheet, tuple(trained), program, number + 1).offer(0, (), 0, tuple)
    keeper.end()
    attrs = {**facts, DATA: "; ".join(hashes.values()), "unfinished": going_on, **_words(programs, seen)}
    return Result(sheet.dataset({**attrs, **before.words}), grid, programs, tuple(trained))


def fit(trainer: Trainer, data: Any, *, epochs: int, seed: int = 0, **options: Any) -> tuple[Member, Result]:
    """One model, by the code of the grid: a sweep with one member. The model at its best on validation, and its table.

    >>> import numpy as np, optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> taught = vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))
    >>> (model, params), result = fit(taught, np.random.default_rng(0).random((40, 4)), epochs=2, num_samples=4)
    >>> result.dataset.elbo.shape
    (1,)
    """
    result = sweep(lambda: trainer, data, seed=[seed], epochs=epochs, **options)
    return extract(result), result


def _blank(data: Data, size: int) -> Example:
    """A batch of zeros that looks like the data."""
    row = jax.tree.map(lambda leaf: leaf[:1], data.raw("train"))
    shapes = jax.eval_shape(jax.vmap(data.example), jax.random.split(jax.random.key(0), 1), row)
    return jax.tree.map(lambda leaf: jnp.zeros((size, *leaf.shape[1:]), leaf.dtype), shapes)


def _going_on(programs: tuple[Program, ...], num_steps: list[int]) -> str:
    """A sentence, and a warning, where the schedule of an objective goes on after the end of the run, else nothing."""
    found = [
        sentence
        for program, num in zip(programs, num_steps, strict=True)
        for trainer in program.trainers
        for sentence in unfinished(trainer, num)
    ]
    others = len(dict.fromkeys(found)) - 1
    also = f" ({others} other setting{'s' * (others > 1)} too)" if others > 0 else ""
    told = f"{found[0]}{also}." if found else ""
    if told:
        warnings.warn(told, VaejaxWarning, stacklevel=3)
    return told


def _facts(until: Until | None, **settings: int) -> dict[str, Any]:
    """What rows must share to be compared, as the table notes it; not the plan, by which they agree up to rounding."""
    return {**{name: int(value) for name, value in settings.items()}, "until": _named(until) or "none"}


def _digests(seen: list[Data]) -> dict[str, str]:
    """Of the data, by their preparation."""
    views = {view.preparation: view for view in seen}  # of the same splits, so that each is read once
    return {preparation: digest(view) for preparation, view in views.items()}


def _identity(grid: Grid, plan: Plan | None, until: Until | None) -> dict[str, Any]:
    """What a run that goes on must share with the one that was saved."""
    return {"axes": labels_of(grid), "plan": "auto" if plan is None else str(plan), "until": _named(until)}


def _named(until: Until | None) -> str | None:
    return None if until is None else getattr(until, "__name__", str(until))


def with_seed(grid: Grid) -> Grid:
    columns = {name: column for one in grid for name, column in one.columns.items()}
    taken = (set(columns) | {one.name for one in grid}) & {*DESCRIPTIONS, "program"}
    if taken:
        raise VaejaxError(f"{min(taken)!r} is a measure of every result and cannot name an axis")
    if "seed" not in columns:
        return (*grid, axis("seed", [0]))
    for seed in columns["seed"].values:
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
            raise VaejaxError(f"a seed must be a whole number from 0 to 2^32 - 1, got {seed!r}")
    return grid


def seen_by(program: Program, data: Data) -> Data:
    """The data as the likelihood of these members may see them."""
    model = program.trainers[0].model
    if model.data_shape != data.data_shape:
        raise VaejaxError(f"the model is for examples of shape {model.data_shape}, {data.name} has {data.data_shape}")
    return fitted(data, model.likelihood)


def _words(programs: tuple[Program, ...], seen: list[Data]) -> dict[str, Any]:
    """What a reader of the table must know about how it was made."""
    formulas = [program.trainers[0].objective.formula for program in programs]
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
