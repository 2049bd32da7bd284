"""How results and answers show themselves in a notebook: a sentence, the best rows, a picture."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from vaejax.answer import Answer, bottleneck
from vaejax.errors import VaejaxError
from vaejax.report import figures
from vaejax.report._members import Members, levels, measure, members
from vaejax.report._order import ranked
from vaejax.report._words import count, name, nats, number, safe, setting
from vaejax.report.figures._look import png

BEST = 8  # rows
COLUMNS = (("log_likelihood", "log likelihood"), ("elbo", "ELBO"), ("rate", "rate"), ("distortion", "distortion"))


def as_html(value: Any) -> str:
    """A result of the grid, or an answer, as a small piece of HTML; every name in it is shown as text.

    Of a result the answer, where it has one, the best eight members in nats per example on test, and log likelihood
    over the grid as a picture; of an answer its sentence and what each latent size costs.

    >>> import xarray as xr
    >>> from vaejax.grid import Result
    >>> found = {"elbo": ("beta", [-3.0, -2.0]), "status": ("beta", ["ok", "ok"])}
    >>> "<td>-2.00</td>".replace("-", "\N{MINUS SIGN}") in as_html(
    ...     Result(xr.Dataset(found, {"beta": [1.0, 4.0]}), (), (), ())
    ... )
    True
    """
    if isinstance(value, Answer):
        return f"<div>{_sentence(value)}{_sizes(value)}</div>"
    answer = _answer(value.dataset)
    flat = members(value.dataset, answer)
    return f"<div>{_sentence(answer)}{_best(flat, value.dataset)}{_picture(flat, value.dataset)}</div>"


def _answer(dataset: Any) -> Answer | None:
    """`None` where the table is one that nothing can be answered from."""
    try:
        return bottleneck(dataset) if "latent_size" in dataset.coords else None
    except (VaejaxError, KeyError):
        return None


def _sentence(answer: Answer | None) -> str:
    return "" if answer is None else f"<p>{safe(answer.reason)}</p>"


def _best(flat: Members, dataset: Any) -> str:
    first, others = ranked([dataset], None)
    score = measure(flat, "log_likelihood" if "log_likelihood" in flat.measures else "elbo")
    best = sorted([*first, *others], key=lambda at: -np.nan_to_num(score[at], nan=-np.inf))[:BEST]
    columns = [(key, title) for key, title in COLUMNS if key in flat.measures]
    heads = "".join(f"<th>{safe(title)}</th>" for title in (*map(name, flat.axes), *(title for _, title in columns)))
    rows = "".join(_row(flat, at, [key for key, _ in columns]) for at in best)
    diverged = int((~flat.ok).sum())
    told = f"{count(len(flat.settings), 'member')}, of which {diverged} diverged" if diverged else ""
    told = told or count(len(flat.settings), "member")
    note = f"{told}; the best {len(best)}, nats per example on test" if best else told
    return f"<p>{note}:</p><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(flat: Members, at: int, columns: list[str]) -> str:
    cells = [safe(setting(value)) for value in flat.settings[at]]
    cells += [number(measure(flat, key)[at]) for key in columns]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _picture(flat: Members, dataset: Any) -> str:
    """Nothing where there is but one setting to look at."""
    key = next((key for key, _ in COLUMNS[:2] if key in flat.measures), None)
    several = max((len(levels(flat, axis)) for axis in flat.axes if axis != "seed"), default=1) > 1
    if key is None or not several or not flat.ok.any():
        return ""
    code = base64.b64encode(png(figures.heat_map(dataset, key), dpi=96)).decode()
    return f'<img alt="{safe(name(key))} over the grid" src="data:image/png;base64,{code}">'


def _sizes(answer: Answer) -> str:
    if len(answer.sizes) < 2:
        return ""
    cells = [
        (setting(one.latent_size), "" if one.beta is None else setting(one.beta), nats(one.gap_nats, one.gap_se))
        for one in answer.sizes
    ]
    rows = "".join(f"<tr>{''.join(f'<td>{safe(cell)}</td>' for cell in row)}</tr>" for row in cells)
    heads = "<th>latent size</th><th>its best beta</th><th>loses to the best, ± standard error</th>"
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
