"""The members of a run that goes on, from a checkpoint of it."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.errors import VaejaxError
from vaejax.grid._axes import Grid, grid_of, labels_of, members_of
from vaejax.grid._program import MemberFunction, Program, params_like, part_of, programs_of, some_of
from vaejax.grid._result import Result
from vaejax.grid._saved import Saved
from vaejax.grid._sweep import with_seed
from vaejax.types import Example, Params, Shape

if TYPE_CHECKING:
    import xarray as xr

KEPT = "training/1"  # of the carry and what is kept of each member of the wave that is trained
PARTS = ("finite", "rows/taken", "done", "before", f"{KEPT}/params", f"{KEPT}/elbo")  # of a checkpoint: all it takes


def restored_so_far(
    member: MemberFunction, data_shape: Shape, batch_size: int, dataset: "xr.Dataset", saved: Saved, **axes: Any
) -> Result:
    """The members that a run has come to, without its data: each at its best so far on validation, from a checkpoint
    of which `PARTS` were read.

    Its programs have those members alone of which something was kept and which are finite; in `dataset`, histories over
    the axes, they alone are `ok`.
    Raises: VaejaxError where the checkpoint is of another grid, or holds no such member.
    """
    grid = with_seed(grid_of((), **axes))
    programs = programs_of(member, grid, Example(jnp.zeros((batch_size, *data_shape))))
    _require_same_grid(grid, programs, saved)
    ok = (dataset["status"].values.reshape(-1) == "ok") & saved.finite
    found = [
        some_of(program, params, np.flatnonzero(kept & ok[list(program.rows)]).tolist())
        for program, params, kept in _parts(programs, saved)
    ]
    parts = [part for part in found if part[0].rows]
    if not parts:
        raise VaejaxError("when the run was saved last, no member had been looked at on validation")
    rows = [row for program, _ in parts for row in program.rows]
    there = np.where(np.isin(np.arange(ok.size), rows), "ok", "not saved")
    status = dataset["status"].copy(data=there.reshape(dataset["status"].shape))
    return Result(dataset.assign(status=status), grid, *zip(*parts, strict=True))


def _parts(programs: tuple[Program, ...], saved: Saved) -> Iterator[tuple[Program, Params, np.ndarray]]:
    """Members that were trained, their parameters, and of which of them something was kept."""
    for number, program in enumerate(programs[: saved.program]):
        yield program, saved.part(f"done/{number}", params_like(program)), np.ones(len(program.rows), bool)
    if saved.program == len(programs):
        return
    left = _left(programs[saved.program], saved)
    if saved.first:
        before = part_of(left, range(saved.first))
        yield before, saved.part("before", params_like(before)), np.ones(saved.first, bool)
    if saved.size:
        wave = part_of(left, range(saved.first, saved.first + saved.size))
        elbo = saved.part(f"{KEPT}/elbo", jax.ShapeDtypeStruct((saved.size,), jnp.result_type(float)))
        yield wave, saved.part(f"{KEPT}/params", params_like(wave)), elbo > -np.inf


def _left(program: Program, saved: Saved) -> Program:
    """Those of its members that were not taken over from a finished grid."""
    taken = saved.rows.get("taken", np.zeros(len(saved.finite)))[list(program.rows)]
    return part_of(program, np.flatnonzero(taken != 1))


def _require_same_grid(grid: Grid, programs: tuple[Program, ...], saved: Saved) -> None:
    was, now = saved.note["identity"].get("axes"), json.loads(json.dumps(labels_of(grid)))
    if was != now or len(saved.finite) != len(members_of(grid)):
        raise VaejaxError(f"the checkpoint {saved.path} is of another grid")
    there = _left(programs[saved.program], saved).rows if saved.program < len(programs) else ()
    if saved.program > len(programs) or saved.first + saved.size > len(there):
        raise VaejaxError(f"the checkpoint {saved.path} was kept by another version of vaejax")
