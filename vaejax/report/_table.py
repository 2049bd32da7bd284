"""Every member in one table: the numbers behind each sentence and each picture of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from vaejax.report._members import Members, measure
from vaejax.report._words import is_number, name, nats, number, safe, setting


class _Column(NamedTuple):
    key: str
    head: str
    unit: str
    show: Callable[[float], str]


def _signed(value: float) -> str:
    return number(value, 2, sign=True)


def _whole(value: float) -> str:
    return number(value, 0)


_COLUMNS = (
    _Column("elbo", "ELBO", "test, nats", number),
    _Column("distortion", "distortion", "test, nats", number),
    _Column("rate", "rate", "test, nats", number),
    _Column("active_units", "active", "units", _whole),
    _Column("elbo_validation", "ELBO", "validation", number),
    _Column("elbo_train", "ELBO", "train", number),
    _Column("drift", "drift", "last 20%", _signed),
    _Column("best_epoch", "best", "epoch", _whole),
    _Column("num_params", "parameters", "learned", _whole),
)


def table(flat: Members) -> str:
    """HTML: one row for each member, its row marked if it is the chosen one or if it diverged."""
    columns = [column for column in _COLUMNS if column.key in flat.measures]
    rows = "\n".join(_row(flat, columns, i) for i in range(len(flat.settings)))
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="All members"><table id="members">'
        f"<thead><tr>{_heads(flat, columns)}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _heads(flat: Members, columns: list[_Column]) -> str:
    cells = [_head("member", "")]
    cells += [_head(name(axis), "", numeric) for axis, numeric in zip(flat.axes, _numeric(flat), strict=True)]
    if "log_likelihood" in flat.measures:
        cells.append(_head("log likelihood", "test, nats ± s.e."))
    cells += [_head(column.head, column.unit) for column in columns]
    return "".join(cells)


def _head(text: str, unit: str, numeric: bool = True) -> str:
    small = f"<small>{safe(unit)}</small>" if unit else ""
    kind = "" if numeric else ' class="left"'
    return f'<th scope="col"{kind}>{safe(text)}{small}</th>'


def _numeric(flat: Members) -> list[bool]:
    return [all(is_number(row[k]) for row in flat.settings) for k in range(len(flat.axes))]


def _row(flat: Members, columns: list[_Column], index: int) -> str:
    kind, mark = "", ""
    if index == flat.chosen:
        kind, mark = ' class="chosen"', ' <span class="mark">chosen</span>'
    elif not flat.ok[index]:
        kind, mark = ' class="diverged"', ' <span class="mark">diverged</span>'
    cells = [f'<th scope="row">{index + 1}{mark}</th>']
    for value, numeric in zip(flat.settings[index], _numeric_row(flat, index), strict=True):
        cells.append(f"<td{'' if numeric else ' class=left'}>{safe(setting(value))}</td>")
    if "log_likelihood" in flat.measures:
        cells.append(f"<td>{_likelihood(flat, index)}</td>")
    cells += [f"<td>{column.show(measure(flat, column.key)[index])}</td>" for column in columns]
    return f'<tr id="member-{index + 1}"{kind}>{"".join(cells)}</tr>'


def _numeric_row(flat: Members, index: int) -> list[bool]:
    return [is_number(value) for value in flat.settings[index]]


def _likelihood(flat: Members, index: int) -> str:
    value, error = measure(flat, "log_likelihood")[index], measure(flat, "log_likelihood_se")[index]
    return nats(value, error if np.isfinite(error) else None).removesuffix(" nats")
