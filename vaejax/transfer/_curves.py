from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from vaejax.bound import terms
from vaejax.data import Data, digest, fitted, load
from vaejax.errors import VaejaxError
from vaejax.grid import Keeper, Result, measuring_keys, members_of, points, sweep, zipped
from vaejax.grid import each_member as of_each_member
from vaejax.numerics import require_count, require_number
from vaejax.plans import Plan
from vaejax.types import Bound, Example, Key, Number, Params, State, Trainer

if TYPE_CHECKING:
    import xarray as xr

MOST = 2**28  # bytes of examples that stand in the program itself
AT_ONCE = 256  # examples of which the bound is taken at a time
RESERVED = {"start", "step", "seed", "draw", "num_examples"}


def drawn_from(trainer: Trainer, data: Data, num_examples: Number, order: Any = None) -> Trainer:
    """The trainer that goes round the first `num_examples` of the training split, in an order, whatever it is fed.

    Step t of a batch of B sees the examples t B, ..., t B + B - 1, modulo their number, each with draws of its own:
    every example comes equally often, and several times in a batch that is larger than they are. `num_examples` may be
    traced, and so may `order` (rows of the split; by default they are in order), so that learning curves over target
    sizes are one program with equal numbers of steps. Members draw batches of their own, so the feed only says how
    large a batch is. The split becomes a constant of the program.
    Raises: VaejaxError where it has more than 2^28 bytes or other examples than the model, or a number is out of range.

    >>> import optax, vaejax as vj
    >>> data = vj.data.arrays(np.eye(10, dtype=np.uint8))
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(10,), latent_size=2, likelihood=data.likelihood)
    >>> taught = drawn_from(vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-3)), data, 4)
    >>> batch = Example(jnp.zeros((6, 10)))
    >>> int(taught.step(jax.random.key(1), taught.init(jax.random.key(0), batch), batch)[0].step)
    1
    """
    if trainer.model.data_shape != data.data_shape:
        raise VaejaxError(
            f"the model is for examples of shape {trainer.model.data_shape}, {data.name} has {data.data_shape}"
        )
    nbytes = sum(leaf.nbytes for leaf in jax.tree.leaves(data.raw("train")))
    if nbytes > MOST:
        raise VaejaxError(
            f"the training split of {data.name} has {nbytes:,} bytes, and at most {MOST:,} can stand in a program: "
            "give a smaller largest size"
        )
    require_number("num_examples", num_examples, least=1.0, most=float(len(data.train)))
    seen = fitted(data, trainer.model.likelihood)
    raw = jax.tree.map(lambda leaf: jnp.asarray(leaf[:]), seen.raw("train"))
    rows = jnp.arange(len(data.train)) if order is None else jnp.asarray(order)

    def step(key: Key, state: State, batch: Example) -> tuple[State, Bound]:
        step_key, view_key = jax.random.split(key)
        size = len(batch.x)
        places = (state.step * size + jnp.arange(size)) % jnp.asarray(num_examples, int)
        here = jax.tree.map(lambda leaf: leaf[rows[places]], raw)
        return trainer.step(step_key, state, jax.vmap(seen.example)(jax.random.split(view_key, size), here))

    return trainer._replace(step=step)


def learning_curves(
    member: Callable[..., Trainer],
    data: Any,
    starts: Mapping[str, Mapping[str, Any]],
    *,
    sizes: Sequence[int],
    steps: int,
    seeds: Sequence[int] = (0, 1, 2),
    batch_size: int = 64,
    num_samples: int = 16,
    plan: Plan | None = None,
    mesh: Mesh | None = None,
    on_segment: Callable[["xr.Dataset"], Any] | None = None,
    keep: str | Path | Keeper | None = None,
) -> "xr.Dataset":
    """The table of members at every start, number of target examples and seed, trained as one grid: for `worth`.

    member: a function of hyper-parameters that returns `vj.trainer(...)`, as for `vj.sweep`.
    starts: their values by the name of a start, one of them without the source, as in the example.
    Where they are numbers, all members are one program, compiled once: `num_examples` is traced too (`drawn_from`).
    plan, mesh: as for `vj.sweep`.
    on_segment, keep: as for `vj.sweep`, of steps in place of epochs: what was stopped goes on, to the same bits.

    The examples of a seed are the first n of `np.random.default_rng(seed).permutation(N)`, so that every size holds
    those before it, all starts of a seed have the same, and an interval over seeds is one over choices of examples too.
    All members make equally many steps, and are measured at their best on validation (some 50 looks), whose examples
    are not counted as target examples.

    Dimensions: start, seed, num_examples, and `step` of histories; measures are those of a sweep, but `elbo_train` is
    of the member's own examples.
    Raises: VaejaxError before anything is trained.

    >>> import optax, vaejax as vj
    >>> def member(share):
    ...     model = vj.transfer.from_source(plain, (plain, params), share=share)
    ...     return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))
    >>> plain = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), plain, jnp.zeros((1, 4)))
    >>> starts = {"scratch": {"share": 0.0}, "source": {"share": 1.0}}
    >>> rows = np.random.default_rng(0).random((40, 4))
    >>> table = learning_curves(member, rows, starts, sizes=[5, 20], steps=4, batch_size=8, num_samples=2)
    >>> dict(table.elbo.sizes)
    {'start': 2, 'seed': 3, 'num_examples': 2}
    """
    data, size = load(data), require_count("batch_size", batch_size)
    counts = [require_count("a target size", one) for one in sizes]
    if not counts or counts != sorted(set(counts)) or counts[-1] > len(data.train):
        raise VaejaxError(f"sizes must rise and be at most the {len(data.train):,} training examples, got {counts}")
    _require_starts(starts)
    orders = np.stack([np.random.default_rng(seed).permutation(len(data.train))[: counts[-1]] for seed in seeds])
    used = np.unique(orders)
    pool, orders = _with_train(data, used), np.searchsorted(used, orders)
    keeper = keep if isinstance(keep, Keeper) else Keeper(keep)
    if keeper.folder is not None:
        keeper.also = {"starts": list(starts), "examples": digest(pool)}

    def drawing(num_examples: Number, draw: Number, **numbers: Any) -> Trainer:
        return drawn_from(member(**numbers), pool, num_examples, jnp.asarray(orders)[draw])

    result = sweep(
        drawing,
        _with_train(pool, np.resize(np.arange(len(used)), size)),  # a batch: an epoch of it is a step
        points(list(starts.values())),
        zipped(seed=list(seeds), draw=list(range(len(seeds)))),
        num_examples=counts,
        epochs=require_count("steps", steps),
        batch_size=size,
        num_samples=num_samples,
        on_segment=on_segment,
        keep=keeper,
        plan=plan,
        mesh=mesh,
    )
    dims = ("start", "seed", "num_examples")
    table = result.dataset.rename_dims(point="start").swap_dims(seed_draw="seed").rename(epoch="step")
    table = table.drop_vars("draw").assign_coords(start=list(starts)).assign_attrs(num_train=counts[-1])
    own = _own_bounds(result, pool, orders, counts, keeper.poll)
    trained = own.reshape(len(starts), len(seeds), len(counts))
    elbo_train = (dims, np.where(table["status"] == "ok", trained, np.nan), table["elbo_train"].attrs)
    return table.assign(elbo_train=elbo_train)


def _require_starts(starts: Mapping[str, Mapping[str, Any]]) -> None:
    taken = {name for row in starts.values() for name in row} & RESERVED
    if len(starts) < 2 or taken:
        raise VaejaxError(
            "starts must be two or more by name, each with the hyper-parameters of a member (none of them "
            f"{', '.join(sorted(RESERVED))}), one without the source; got {dict(starts)}"
        )


def _with_train(data: Data, rows: np.ndarray) -> Data:
    """The data with these training examples."""
    raw = jax.tree.map(lambda leaf: leaf[rows], data.raw("train"))
    context, observed = (
        {**before, "train": now} if "train" in before else before
        for before, now in ((data.context, raw.context), (data.observed, raw.observed))
    )
    return data._replace(train=raw.x, labels={}, factors={}, context=context, observed=observed)


def _own_bounds(
    result: Result, data: Data, orders: np.ndarray, counts: Sequence[int], poll: Callable[[], None]
) -> np.ndarray:
    """The bound at beta 1 of every member on its own training examples, one draw of z each, `[member]`."""

    def bounds(trainer: Trainer, params: Params, raw: Example) -> Array:
        seen = fitted(data, trainer.model.likelihood)

        def one(at: tuple[Example, Array]) -> Array:
            view_key, draw_key = measuring_keys(at[1])
            found = terms(draw_key, trainer.model, params, seen.example(view_key, at[0]))
            return -(found.distortion + found.rate)

        return jax.lax.map(one, (raw, jnp.arange(len(raw.x))), batch_size=AT_ONCE)

    raw, members = data.raw("train"), members_of(result.grid)
    own = np.full(len(members), np.nan)
    for program, params in zip(result.programs, result.params, strict=True):
        found = of_each_member(bounds, program, params, raw)
        for row, values in zip(program.rows, found, strict=True):
            draw, num = members[row]["draw"][0], members[row]["num_examples"][0]
            own[row] = values[orders[draw, :num]].astype(float).mean()
        poll()
    return own
