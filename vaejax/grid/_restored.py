"""A finished result put together again, and measured again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from vaejax.data import Data
from vaejax.grid._axes import grid_of
from vaejax.grid._measure import measure
from vaejax.grid._program import MemberFunction, params_like, programs_of
from vaejax.grid._result import Result
from vaejax.grid._sheet import Sheet
from vaejax.grid._sweep import seen_by, with_seed
from vaejax.types import Example, Shape

if TYPE_CHECKING:
    import xarray as xr


def restored(
    member: MemberFunction,
    data_shape: Shape,
    dataset: "xr.Dataset",
    read: Callable[[list[Any]], list[Any]],
    **axes: Any,
) -> Result:
    """A finished result put together again, without its data; `read` gives each program's parameters, given shapes."""
    grid, size = with_seed(grid_of((), **axes)), int(dataset.attrs["batch_size"])
    programs = programs_of(member, grid, Example(jnp.zeros((size, *data_shape))))
    return Result(dataset, grid, programs, tuple(read([params_like(program) for program in programs])))


def remeasured(result: Result, data: Data, num_samples: int) -> "xr.Dataset":
    """The table of a result with its members measured again; what was trained and what diverged stays as it was."""
    sheet = Sheet(result.grid, int(result.dataset.attrs["epochs"]), None)
    sheet.finite = result.dataset["status"].values.reshape(-1) == "ok"
    for program, params in zip(result.programs, result.params, strict=True):
        sheet.put(program, measure(program, params, seen_by(program, data), num_samples))
    fresh = sheet.dataset({**result.dataset.attrs, "num_samples": num_samples})
    merged = result.dataset.merge(fresh, overwrite_vars=list(fresh.data_vars), compat="override")
    return merged.assign_attrs(num_samples=num_samples)
