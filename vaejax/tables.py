"""Tables of a run as text: a row for each member, and values that JSON knows."""

import csv
import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

MEASURES = (
    "distortion",
    "rate",
    "elbo",
    "log_likelihood",
    "log_likelihood_se",
    "elbo_train",
    "elbo_validation",
    "active_units",
    "num_params",
    "best_epoch",
    "drift",
)


def rows_of(dataset: "xr.Dataset", names: list[Any]) -> list[dict[str, Any]]:
    """One dictionary for each member: every axis, the program, then the variables of these names."""
    dims = dataset["status"].dims
    axes = [name for dim in dims for name in dataset.coords if dataset[name].dims == (dim,)]
    flat = dataset.drop_vars([n for n in dataset.data_vars if set(dataset[n].dims) - set(dims)])
    flat = flat.stack(member_=dims, create_index=False)
    columns = [*axes, "program", *names]
    return [{str(n): flat[n].values[i].item() for n in columns} for i in range(flat.sizes["member_"])]


def results_csv(dataset: "xr.Dataset") -> str:
    """A line for each member: its place on every axis, its measures and its status; no times, dates or paths."""
    rows = rows_of(dataset, [*MEASURES, "status"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = [name for name in rows[0] if name != "program"]
    writer.writerow(header)
    writer.writerows([[_cell(row[name]) for name in header] for row in rows])
    return text.getvalue()


def plain(value: Any) -> Any:
    """Numbers and containers that JSON knows; NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> str:
    """Whole numbers without a point, others to nine digits, nothing where nothing is known."""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.9g}"
