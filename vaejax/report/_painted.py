"""Figures as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaejax.report import figures
from vaejax.report.figures._look import png

if TYPE_CHECKING:
    import xarray as xr

    from vaejax.transfer import Worth


def learning_curves(table: xr.Dataset, worth: Worth, scratch: str = "scratch") -> bytes:
    """`figures.learning_curves` as a PNG.

    >>> import numpy as np, xarray as xr, vaejax as vj
    >>> bounds = np.array([[[-9.0, -5.0]] * 2, [[-6.0, -5.0]] * 2])
    >>> dims = ("start", "seed", "num_examples")
    >>> found = {"elbo": (dims, bounds), "elbo_train": (dims, bounds + 1), "status": (dims, np.full((2, 2, 2), "ok"))}
    >>> found["elbo_test_examples"] = ((*dims, "test_example"), bounds[..., None] + np.array([0.1, -0.1]))
    >>> found["history_validation"] = ((*dims, "step"), bounds[..., None] + np.zeros(3))
    >>> axes = {"start": ["scratch", "source"], "seed": [0, 1], "num_examples": [10, 1000], "step": [1, 2, 3]}
    >>> curves = xr.Dataset(found, axes)
    >>> learning_curves(curves, vj.transfer.worth(curves))[1:4]
    b'PNG'
    """
    return png(figures.learning_curves(table, worth, scratch))
