"""Tables of a run as text: a row for each member, and values that JSON knows."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
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
    "effective_sample_size",
    "elbo_train",
    "elbo_validation",
    "active_units",
    "num_params",
    "best_epoch",
    "drift",
    "ended_epoch",
)


def rows_of(dataset: "xr.Dataset", names: list[Any]) -> list[dict[str, Any]]:
    """One dictionary for each member: every axis, the program, then the variables of these names."""
    dims = dataset["status"].dims
    axes = [name for dim in dims for name in dataset.coords if dataset[name].dims == (dim,)]
    flat = dataset.drop_vars([n for n in dataset.data_vars if set(dataset[n].dims) - set(dims)])
    flat = flat.stack(member_=dims, create_index=False)
    columns = [*axes, "program", *names]
    return [{str(n): _item(flat[n].values[i]) for n in columns} for i in range(flat.sizes["member_"])]


def results_csv(dataset: "xr.Dataset", more: Sequence[str] = ()) -> str:
    """A line for each member: its place on every axis, its measures and its status; no times, dates or paths.

    more: further measures. Those that are more than one number of a member are left out.
    """
    of_member = [name for name in more if name in dataset and dataset[name].dims == dataset["status"].dims]
    measured = [name for name in MEASURES if name in dataset]
    rows = rows_of(dataset, [*measured, *of_member, "status"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = [name for name in rows[0] if name != "program"]
    writer.writerow(header)
    writer.writerows([[_cell(row[name]) for name in header] for row in rows])
    return text.getvalue()


def short_table(dataset: "xr.Dataset", names: Sequence[str]) -> str:
    """A line for each setting, with its mean over seeds, of the axes that vary and these measures, to four digits."""
    names = [name for name in names if name in dataset and dataset[name].dims == dataset["status"].dims]
    groups: dict[tuple, list[dict[str, Any]]] = {}
    axes = [name for name in rows_of(dataset, [])[0] if name not in ("seed", "program")]
    for row in rows_of(dataset, list(names)):
        groups.setdefault(tuple(row[name] for name in axes), []).append(row)
    varying = [name for at, name in enumerate(axes) if len({key[at] for key in groups}) > 1]
    lines = [[*varying, *names]]
    for key, rows in groups.items():
        told = [_cell(value) for name, value in zip(axes, key, strict=True) if name in varying]
        lines.append([*told, *(_short(np.array([row[name] for row in rows], float)) for name in names)])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "".join("  ".join(map(str.rjust, line, widths)) + "\n" for line in lines)


def plain(value: Any) -> Any:
    """Numbers and containers that JSON knows; NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _item(value: Any) -> Any:
    """As a plain one; words that were read from a file are that already."""
    return value.item() if isinstance(value, np.generic) else value


def _short(values: np.ndarray) -> str:
    """The mean of those that are known, to four digits."""
    known = values[np.isfinite(values)]
    return f"{known.mean():.4g}" if len(known) else "-"


def _cell(value: Any) -> str:
    """Whole numbers without a point, others to nine digits, nothing where nothing is known."""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.9g}"
