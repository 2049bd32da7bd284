"""What a sweep gives: a table whose dimensions are the axes, and the members themselves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.errors import VaejaxError
from vaejax.grid._axes import Grid, members_of
from vaejax.grid._program import Program
from vaejax.model import compacted
from vaejax.types import VAE, Params

if TYPE_CHECKING:
    import xarray as xr


class Member(NamedTuple):
    """One trained model, ordinary and compact: its arrays have its own latent size."""

    model: VAE
    params: Params


class Result(NamedTuple):
    """dataset: every measure, history and setting over the axes (an `xarray.Dataset`).

    programs: with `params`, the parameters at the best validation bound, stacked over the members of each program.
    """

    dataset: "xr.Dataset"
    grid: Grid
    programs: tuple[Program, ...]
    params: tuple[Params, ...]


def extract(result: Result, **where: Any) -> Member:
    """The member at a point of the grid, cut to its true sizes. An axis with one value need not be named.

    Raises: VaejaxError where the point is not in the grid or does not say which member.

    >>> import jax.numpy as jnp, optax, vaejax as vj
    >>> def member(latent_size):
    ...     nets = vj.nets.mlp(8), vj.nets.mlp(8)
    ...     model = vj.vae(*nets, data_shape=(4,), latent_size=latent_size, max_latent_size=3)
    ...     return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-3))
    >>> rows = np.random.default_rng(0).random((20, 4))
    >>> result = vj.sweep(member, rows, latent_size=[1, 3], epochs=1, num_samples=4)
    >>> model, params = extract(result, latent_size=1)
    >>> vj.encode(model, params, jnp.zeros(4)).shape
    (1,)
    """
    return member_at(result.programs, result.params, find(result.grid, where))


def ensemble(result: Result, **where: Any) -> Member:
    """The members at a point of the grid that differ by their seed alone, as one model and stacked parameters.

    The leaves of `params` are `[seed, ...]`: any function of `(model, params)` is mapped over them by `jax.vmap`.
    Members that diverged are left out.
    Raises: VaejaxError where the point is not in the grid, or does not say which setting.

    >>> import jax, jax.numpy as jnp, optax, vaejax as vj
    >>> def member(latent_size):
    ...     model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=latent_size, max_latent_size=3)
    ...     return vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-3))
    >>> rows = np.random.default_rng(0).random((20, 4))
    >>> result = vj.sweep(member, rows, latent_size=[1, 3], seed=range(3), epochs=1, num_samples=4)
    >>> model, params = ensemble(result, latent_size=1)
    >>> jax.vmap(lambda params: vj.encode(model, params, jnp.zeros(4)))(params).shape
    (3, 1)
    """
    rows = members_of(result.grid)
    seeds = list(dict.fromkeys(row["seed"][1] for row in rows))
    if "seed" in where:
        raise VaejaxError("an ensemble is of all seeds of a setting: leave out the seed, or use vj.extract for one")
    status = np.ravel(result.dataset["status"].transpose(*(axis.name for axis in result.grid)).values)
    places = [find(result.grid, {**where, "seed": seed}) for seed in seeds]
    members = [member_at(result.programs, result.params, place) for place in places if status[place] == "ok"]
    if not members:
        raise VaejaxError("every member of this setting diverged: there is none to be used")
    return Member(members[0].model, jax.tree.map(lambda *leaves: jnp.stack(leaves), *(one.params for one in members)))


def member_at(programs: tuple[Program, ...], params: tuple[Params, ...], index: int) -> Member:
    """The member that stands at `index` in the grid."""
    program, stacked = next((p, s) for p, s in zip(programs, params, strict=True) if index in p.rows)
    at = program.rows.index(index)
    own = jax.tree.map(lambda leaf: jnp.asarray(leaf[at]), stacked)  # a NumPy array has no traced index
    return Member(*compacted(program.trainers[at].model, own, program.batch))


def find(grid: Grid, where: Mapping[str, Any]) -> int:
    """The index of the one member at `where`."""
    members = members_of(grid)
    unknown = [name for name in where if name not in members[0]]
    if unknown:
        raise VaejaxError(f"{unknown[0]!r} is no axis of this grid; its axes are {', '.join(members[0])}")
    found = [i for i, row in enumerate(members) if all(_same(row[name][1], value) for name, value in where.items())]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(f"{name}={value!r}" for name, value in where.items()) or "no point named"
    if not found:
        values = "; ".join(
            f"{name}: {', '.join(dict.fromkeys(str(row[name][1]) for row in members))}" for name in where
        )
        raise VaejaxError(f"no member has {shown}; there are {values}")
    free = [name for name in members[0] if name not in where and len({members[i][name][1] for i in found}) > 1]
    raise VaejaxError(f"{len(found)} members fit ({shown}): say which by {', '.join(free)}")


def _same(label: Any, value: Any) -> bool:
    if isinstance(label, int | float) and not isinstance(value, str):
        return bool(np.isclose(label, value, rtol=1e-6, atol=0.0))
    return label in (value, getattr(value, "name", None), getattr(value, "__name__", None))
