"""One HTML file that answers which latent size and which beta; it loads nothing, and equal inputs give equal bytes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaejax.errors import OutputError
from vaejax.report import _answer, _assets, _findings, _notes, _paid, _settled, _strips, _table, _told, charts
from vaejax.report._roster import Roster, hues, legend, roster
from vaejax.report._style import by_day, by_night
from vaejax.report._words import listed
from vaejax.written import write_bytes

if TYPE_CHECKING:
    from vaejax.report._shown import Shown

PICTURES = 2_900_000  # bytes of all pictures of a page

_TITLES = {
    "trade": "Rate and distortion",
    "sizes": "How many latents are enough?",
    "curves": "Was training long enough?",
}


def page(*shown: Shown) -> str:
    """The page as HTML: of one run, or of several that are compared. All that a page shows is in it.

    >>> import xarray as xr
    >>> from vaejax.report import Shown
    >>> table = xr.Dataset({"status": ("beta", ["ok"]), "elbo": ("beta", [-1.0])}, {"beta": [1.0]})
    >>> "No answer yet." in page(Shown(table))
    True
    """
    from markupsafe import Markup

    found = roster(shown)
    pictures = [_strips.drawn(one, PICTURES // len(shown)) for one in shown]
    drawn = charts.charts(found)
    figures = [(key, _TITLES[key], _captions(key, found)) for key in _TITLES if key in drawn]
    called = found.names if len(shown) > 1 else [shown[0].name]
    runs = [_answer.hero(*one) for one in zip(found.shown, found.runs, found.first, called, strict=True)]
    paid = [_named(_paid.paid(one.answer), text) for one, text in _each(found)]
    diagnoses = [_findings.diagnoses(one) for one in shown]
    findings = [_named(_findings.findings(known), text) for known, text in zip(diagnoses, found.names, strict=True)]
    num_hues = max(hues(found), default=0) + 1
    return _assets.rendered(
        title=" | ".join(run["headline"] for run in runs),
        several=len(shown) > 1,
        apart=_apart(found),
        runs=runs,
        nav=_nav(figures, any(paid), any(findings)),
        charts=figures,
        legend=legend(found),
        paid=[one for one in paid if one],
        findings=[one for one in findings if one],
        table_note=_table.note(found),
        heads=_table.heads(found),
        rows=_table.rows(found),
        unmeasured=[line for one in shown for line in one.dataset.attrs.get("not_measured", "").splitlines()],
        made=[_made(one, flat, text) for (one, text), flat in zip(_each(found), found.runs, strict=True)],
        glossary=_notes.GLOSSARY,
        day=Markup(by_day(num_hues)),
        night=Markup(by_night(num_hues)),
        css=Markup(_assets.static("page.css")),
        vega=Markup(_assets.vega()),
        script=Markup(_assets.script()),
        data=Markup(_told.told(found, drawn, pictures, diagnoses, _file(found))),
    )


def write(path: str | os.PathLike[str], *shown: Shown) -> None:
    """Write `page` to `path`: all of it or nothing; folders are made. Raises: OutputError where that cannot be."""
    target = Path(path)
    content = page(*shown).encode()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}; choose another place") from None
    write_bytes(target, content)


_SAME = ("name", "preparation", "num_test")


def _apart(found: Roster) -> str:
    """Why the numbers of runs cannot be compared, where they cannot."""
    seen = {tuple(str(one.dataset.attrs.get(key, "")) for key in _SAME) for one in found.shown}
    if len(seen) < 2:
        return ""
    told = listed([f"{text}: {_data_of(one)}" for one, text in _each(found)])
    return f"These runs are of different data, or saw them differently ({told}): their nats cannot be compared."


def _data_of(shown: Shown) -> str:
    attrs = shown.dataset.attrs
    return ", ".join(str(attrs[key]) for key in ("name", "preparation") if attrs.get(key)) or "not said"


def _each(found: Roster) -> list[tuple[Shown, str]]:
    return list(zip(found.shown, found.names, strict=True))


def _named(values: dict[str, Any] | None, text: str) -> dict[str, Any] | None:
    return None if values is None else {**values, "name": text}


def _nav(charts: list[Any], paid: bool, findings: bool) -> list[tuple[str, str]]:
    short = {"trade": "Rate and distortion", "sizes": "Latent size", "curves": "Training"}
    return [
        ("grid", "Grid"),
        *((key, short[key]) for key, _, _ in charts),
        ("member", "A member"),
        *([("paid", "Costs")] if paid else []),
        *([("doctor", "What went wrong")] if findings else []),
        ("all-members", "All members"),
        ("made", "How it was made"),
        ("glossary", "Glossary"),
    ]


def _captions(key: str, found: Roster) -> list[str]:
    colours, texts = legend(found)
    hue = f" Colours are {colours}: {listed(texts)}." if len(texts) > 1 else ""
    if key == "trade":
        return [
            "Each disc is a member, measured on the test split: the further left, the less its code tells about an "
            "example; the further down, the better the example is rebuilt. Larger discs have more latents." + hue,
            "Along a grey diagonal the ELBO is the same; it rises towards the lower left. The dashed line is the "
            "Pareto front: of what is on it no other member has less of both.",
        ]
    if key == "sizes" and not {"log_likelihood", "elbo"} & {one.key for one in found.measures}:
        return [
            "The bound on the validation split that each member has come to; higher is better. Discs are members, "
            "lines the means over seeds." + hue
        ]
    if key == "sizes":
        return [
            "Importance-weighted log likelihood of the test split (the bound, where that is not known); higher is "
            "better. Discs are members, lines the means over seeds. The shaded band is one margin deep, from the "
            "best mean." + hue,
            "Bars are one standard error, from test examples and seeds together. Members share the test examples, so "
            "differences between them are known better than the bars suggest.",
        ]
    said = [_settled.settled(flat) for flat in found.runs]
    return ["Each member's bound on the validation split as it was trained." + hue, *[text for text in said if text]]


def _made(shown: Shown, flat: Any, text: str) -> dict[str, Any]:
    """How a run was made; its seconds as shares of a bar."""
    parts = [(key, float(shown.facts[key])) for key in _notes.SECONDS if shown.facts.get(key)]
    total = sum(seconds for _, seconds in parts)
    told = [(f"{_notes.SECONDS[key]} {seconds:.3g} s", round(seconds / total, 4)) for key, seconds in parts if total]
    return {
        "name": text,
        "facts": _notes.made(shown, flat),
        "seconds": told,
        "time_told": "; ".join(text for text, _ in told),
    }


def _file(found: Roster) -> str:
    """What a download is called: letters, digits and dashes."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", "-".join(found.names)).strip("-").lower() or "members"
