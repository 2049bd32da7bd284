"""Rows of measures, one for each member, as an `xarray.Dataset` whose dimensions are the axes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vaejax.grid._axes import Grid

if TYPE_CHECKING:
    import xarray as xr

DESCRIPTIONS = {
    "distortion": "-E_q log p(x|z), test, nats per example",
    "rate": "KL(q(z|x) || p(z)), test, nats per example",
    "elbo": "-(distortion + rate), test, at beta 1, nats per example",
    "log_likelihood": "log 1/K sum_k p(x, z_k) / q(z_k|x), test, nats per example",
    "log_likelihood_se": "standard error of log_likelihood over the test examples, nats",
    "effective_sample_size": "how many of the K draws of log_likelihood count, 1 to K; the median of the test examples",
    "elbo_train": "-(distortion + rate), train, at beta 1, one draw of z, nats per example",
    "elbo_validation": "-(distortion + rate), validation, at beta 1, nats per example",
    "active_units": "latents with Var_x(E_q[z|x]) > 0.01, test",
    "largest_code": "how far the farthest test code lies from their mean, standard deviations along an active latent",
    "num_params": "numbers learned by the compact model",
    "best_epoch": "the epoch of the state that was measured: the best on validation",
    "ended_epoch": "the epoch at which training ended before the last: by its rule, or as it had diverged",
    "drift": "change of the validation bound over the last 20% of the epochs, nats",
    "taken": "1 where the member was taken over from a result that was there before, 0 where it was trained now",
    "status": "ok, or diverged: not finite any more, and not measured",
    "elbo_validation_examples": "the bound at beta 1 of each validation example, nats",
    "elbo_test_examples": "the bound at beta 1 of each test example, nats",
    "distortion_validation_examples": "the distortion of each validation example, nats; the rate is -(bound + it)",
    "distortion_test_examples": "the distortion of each test example, nats; the rate is -(bound + it)",
    "log_likelihood_validation_examples": "log 1/K sum_k p(x, z_k) / q(z_k|x) of each validation example, nats",
    "log_likelihood_test_examples": "log 1/K sum_k p(x, z_k) / q(z_k|x) of each test example, nats",
    "history_validation": "the validation bound at beta 1 of the last state, one draw of z, nats per example",
    "history_value": "the objective as trained, mean over an epoch, nats per example",
    "history_distortion": "the distortion as trained, mean over an epoch, nats per example",
    "history_rate": "the rate as trained, mean over an epoch, nats per example",
}


def dataset_of(
    grid: Grid, rows: Mapping[str, np.ndarray], coords: Mapping[str, np.ndarray], attrs: Mapping[str, Any]
) -> "xr.Dataset":
    """`rows[name]` is `[member, *rest]`; the dimension of `rest` is found by its length among `coords`."""
    import xarray as xr

    shape = tuple(axis.size for axis in grid)
    dims = tuple(axis.name for axis in grid)
    variables = {}
    for name, values in rows.items():
        rest = tuple(_dimension(name) for _ in values.shape[1:])
        text = {"description": DESCRIPTIONS[name]} if name in DESCRIPTIONS else {}
        variables[name] = ((*dims, *rest), values.reshape(*shape, *values.shape[1:]), text)
    axes = {
        name: (axis.name, np.array(column.labels, None if column.numeric else str))
        for axis in grid
        for name, column in axis.columns.items()
    }
    return xr.Dataset(variables, {**axes, **coords}, dict(attrs))


def _dimension(name: str) -> str:
    if name.startswith("history_"):
        return "epoch"
    return "validation_example" if name.endswith("_validation_examples") else "test_example"
