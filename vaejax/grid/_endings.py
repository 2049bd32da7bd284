"""Which members are trained no more: rules on the table of a grid while it is trained."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count, require_number

if TYPE_CHECKING:
    import xarray as xr

Until: TypeAlias = Callable[[Any], Any]  # the table so far -> where training has ended, over its axes (xarray)


def patience(epochs: int, gain: float = 0.0) -> Until:
    """Ended where the held-out bound has not risen by more than `gain` nats in the last so many epochs.

    It is looked at where segments end, some 50 times in a run, and at least every 100 epochs; what is handed over is
    the state with the best bound. Prechelt (1998), Early stopping - but when?

    >>> import numpy as np, xarray as xr
    >>> table = xr.Dataset({"history_validation": (("beta", "epoch"), [[-3.0, -2.0, -1.0], [-3.0, -1.0, -2.0]])})
    >>> table = table.assign_coords(epoch=[1, 2, 3]).assign_attrs(epoch=3)
    >>> patience(1)(table).values.tolist()
    [False, True]
    """
    epochs, gain = require_count("epochs", epochs), require_number("gain", gain, least=0.0)

    def ended(table: "xr.Dataset") -> "xr.DataArray":
        now = table.attrs["epoch"]
        history = table["history_validation"].sel(epoch=slice(None, now))
        before = history.sel(epoch=slice(None, now - epochs))
        if not before.sizes["epoch"]:
            return history.isel(epoch=-1) > np.inf
        return history.max("epoch") <= before.max("epoch") + gain

    return _named(ended, f"patience({epochs}, {gain:g})")


def halving(dim: str, *, first: int, keep: float = 0.5) -> Until:
    """Successive halving along an axis: at epochs `first`, `first / keep`, `first / keep^2`, ... only the part `keep`
    with the best held-out bounds goes on, at least one, for each setting of the other axes by itself.

    Where an axis makes a program for each value, those that were trained before are what one is compared with.

    Bounds are compared at beta 1, whatever was trained, so an axis that changes what is modelled is no axis to halve.
    Jamieson and Talwalkar (2016), arXiv:1502.07943.

    >>> import numpy as np, xarray as xr
    >>> table = xr.Dataset({"history_validation": (("rate", "epoch"), [[-3.0], [-1.0], [-2.0], [np.nan]])})
    >>> table = table.assign_coords(epoch=[5]).assign_attrs(epoch=5)
    >>> halving("rate", first=5)(table).values.tolist()
    [True, False, False, True]
    """
    first, keep = require_count("first", first), require_number("keep", keep, above=0.0)
    if keep >= 1:
        raise VaejaxError(f"keep is the part that goes on, between 0 and 1, got {keep:g}")

    def ended(table: "xr.Dataset") -> "xr.DataArray":
        history = table["history_validation"]
        if dim not in history.dims:
            axes = ", ".join(str(name) for name in history.dims if name != "epoch")
            raise VaejaxError(f"{dim!r} is no axis of this grid to halve; there are {axes}")
        now, before = table.attrs["epoch"], [one for one in table["epoch"].values if one < table.attrs["epoch"]]
        rungs = _rungs(now, first, keep)
        here = history.sel(epoch=now)
        if rungs == _rungs(max(before, default=0), first, keep):
            return here > np.inf
        most = max(1, round(history.sizes[dim] * keep**rungs))
        order = (-here.fillna(-np.inf)).argsort(here.get_axis_num(dim)).argsort(here.get_axis_num(dim))
        return order >= most

    return _named(ended, f"halving({dim}, first={first}, keep={keep:g})")


def _rungs(epoch: int, first: int, keep: float) -> int:
    """How often was halved by an epoch."""
    num, at = 0, float(first)
    while at <= epoch:
        num, at = num + 1, at / keep
    return num


def _named(rule: Any, name: str) -> Until:
    rule.__name__ = name  # a run that goes on must have the same
    return rule
