"""What `vj.evaluate` added: a row for each measure, a column for each latent size at its best setting."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaejax.report._words import DASH, name, plain, safe, setting


def measures(dataset: Any, answer: Any) -> str:
    """HTML; nothing where the table has no further columns, or the answer compares no latent sizes."""
    members = dataset["status"].dims
    found = [one for one in dataset.attrs.get("evaluated", "").split() if one in dataset]
    found = [one for one in found if dataset[one].dims == members]
    if not found or not answer.sizes:
        return ""
    heads = "".join(_head(one, one.latent_size == answer.latent_size) for one in answer.sizes)
    rows = "\n".join(_row(dataset[one], answer) for one in found)
    return (
        "<p>Each latent size at its best setting, in the mean over seeds, on the held examples. Rest the pointer on a "
        "name to read what it is, its units and its bias.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Further measures"><table>'
        f'<thead><tr><th scope="col" class="left">measure</th>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>{_missing(dataset.attrs.get('not_measured', ''))}"
    )


def _head(one: Any, chosen: bool) -> str:
    beta = f"<small>beta {safe(setting(one.beta))}</small>" if one.beta is not None else ""
    mark = ' <span class="mark">chosen</span>' if chosen else ""
    return f'<th scope="col">{safe(setting(one.latent_size))}{mark}{beta}</th>'


def _row(column: Any, answer: Any) -> str:
    cells = "".join(f"<td>{safe(_short(_mean(column, one)))}</td>" for one in answer.sizes)
    told = safe(column.attrs.get("description", ""))
    return f'<tr><th scope="row" class="left" title="{told}">{safe(name(column.name))}</th>{cells}</tr>'


def _mean(column: Any, one: Any) -> float:
    """Over the seeds of the best setting of a latent size."""
    for axis, value in one.values.items():
        column = column.where(column[axis] == value)
    values = np.asarray(column.values, float)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _short(value: float) -> str:
    """Four digits, as measures are of any size."""
    return f"{plain(value):.4g}".replace("-", "−") if np.isfinite(value) else DASH  # noqa: RUF001


def _missing(lines: str) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{safe(line)}</li>" for line in lines.splitlines())
    return f"<details><summary>What was not measured, and why</summary><ul>{items}</ul></details>"
