"""One HTML file that answers which latent size and which beta; it loads nothing, and equal inputs give equal bytes."""

from __future__ import annotations

import json
import os
import tempfile
from math import nan
from pathlib import Path
from typing import Any

from vaejax.answer import Answer
from vaejax.errors import OutputError
from vaejax.report import _answer, _curves, _findings, _held_out, _measures, _notes, _paid, _rate_distortion
from vaejax.report._members import Members, hue_axis, hues, levels, members
from vaejax.report._shown import Shown
from vaejax.report._strips import drawn
from vaejax.report._style import CSS, SCRIPT, palette
from vaejax.report._table import table
from vaejax.report._words import count, name, safe, setting

NOBODY = Answer(None, None, nan, nan, nan, False, "", (), (), {}, "", ())  # of a run that has not come to its answer
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(*shown: Shown) -> str:
    """The page of one run, or of several that are compared, as HTML."""
    dataset, answer = shown[0].dataset, shown[0].answer or NOBODY
    flat = members(dataset, answer)
    parts = [part for part in _sections(flat, dataset, answer, shown) if part[2]]
    nav = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in parts)
    body = "\n".join(f'<section id="{key}"><h2>{title}</h2>\n{inner}</section>' for key, title, inner in parts)
    top = _answer.hero(flat, answer, _eyebrow(flat, dict(dataset.attrs))) + _answer.cautions(answer)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{_answer.plain_headline(flat, answer)}</title>\n"
        f"<style>{palette(max(hues(flat), default=0) + 1)}{CSS}</style>\n</head>\n<body>\n<main>\n"
        f'{top}\n<nav aria-label="On this page">{nav}</nav>\n{body}\n</main>\n'
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def write(path: str | os.PathLike[str], *shown: Shown) -> None:
    """Write `page` to `path`: all of it or nothing; folders are made. Raises `OutputError` where that cannot be."""
    target = Path(path)
    text = page(*shown)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise OutputError(
            f"expected a place to write the report, got {target}: {error.strerror}; choose another"
        ) from error
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(beside, 0o644)
        os.replace(beside, target)
    except OSError as error:
        Path(beside).unlink(missing_ok=True)
        raise OutputError(
            f"expected a place to write the report, got {target}: {error.strerror}; choose another"
        ) from error


def _eyebrow(flat: Members, attrs: dict[Any, Any]) -> str:
    return " · ".join(part for part in ("vaejax", str(attrs.get("name", "")), _notes.grid(flat)) if part)


def _sections(flat: Members, dataset: Any, answer: Any, shown: tuple[Shown, ...]) -> list[tuple[str, str, str]]:
    """Anchor, title and HTML of each section in reading order; empty HTML where there is nothing to tell."""
    return [
        ("rate-distortion", "Rate and distortion", _rate_distortion_section(flat)),
        ("latent-size", "How many latents are enough?", _held_out_section(flat, answer.margin_nats)),
        ("paid", "What a smaller or larger one costs", _paid.paid(answer)),
        ("measures", "Further measures", _measures.measures(dataset, answer)),
        ("training", "Was training long enough?", _training_section(flat)),
        ("doctor", "What went wrong?", _findings.findings(dataset)),
        ("all-members", "All members", _table_section(flat)),
        ("pictures", "Pictures", _data(shown)),
        ("glossary", "How to read these numbers", _notes.glossary()),
        ("made", "How it was made", _notes.made(flat, dict(dataset.attrs))),
    ]


def _figure(picture: str, key: str, *captions: str) -> str:
    text = "".join(f"<p>{caption}</p>" for caption in captions if caption)
    return f"{key}<figure><div>{picture}</div><figcaption>{text}</figcaption></figure>"


def _rate_distortion_section(flat: Members) -> str:
    picture, note = _rate_distortion.rate_distortion(flat)
    if not picture:
        return ""
    first = (
        "Each disc is one member, measured on the test split. The further left, the less its code tells about an "
        "example; the further down, the better the example is rebuilt."
    )
    second = "Along a diagonal the ELBO is the same; it rises towards the lower left."
    third = "Rest the pointer on a disc to see who it is; a click leads to its row."
    return _figure(picture, _key(flat, sizes=True), first, second, third, note)


def _held_out_section(flat: Members, margin: float) -> str:
    picture, note = _held_out.held_out(flat, margin)
    if not picture:
        return ""
    first = (
        "Importance-weighted log likelihood of the test split; higher is better. Discs are members, and the line is "
        "their mean over seeds. The shaded band is one margin deep and starts at the best mean."
    )
    second = (
        "Bars are one standard error, from test examples and seeds together. Members share the test examples, so "
        "differences between them are known better than the bars suggest."
    )
    return _figure(picture, _key(flat), first, second, safe(note))


def _training_section(flat: Members) -> str:
    picture, note = _curves.curves(flat)
    told = _curves.verdict(flat) if flat.ok.any() else "<p>Every member diverged.</p>"
    if not picture:
        return told
    text = "Each member's bound on the validation split as it was trained; the last 20% of the epochs are shaded."
    return told + _figure(picture, _key(flat, lines=True), text, note)


def _key(flat: Members, sizes: bool = False, lines: bool = False) -> str:
    """The legend: what the colours are and, if asked for, what the size of a disc is."""
    items = []
    axis = hue_axis(flat)
    if axis is not None and len(levels(flat, axis)) > 1:
        items.append(f"<b>{safe(name(axis))}</b>")
        items += [f'<span><i style="background:var(--c{i})"></i>{text}</span>' for i, text in _few(levels(flat, axis))]
    if sizes and len(levels(flat, "latent_size")) > 1:
        items.append("<b>latent size</b>")
        wide = list(_rate_distortion.radii(flat).values())
        for i, text in _few(levels(flat, "latent_size")):
            items.append(f'<span><i style="width:{2 * wide[i]:.0f}px;height:{2 * wide[i]:.0f}px"></i>{text}</span>')
    if flat.chosen is not None:
        items.append(f'<span><i class="{"stroke" if lines else "hollow"}"></i>chosen</span>')
    return f'<div class="key">{"".join(items)}</div>'


def _few(values: list[Any]) -> list[tuple[int, str]]:
    """At most nine of the values, with their places."""
    step = max(1, -(-(len(values) - 1) // 8))
    return [(i, safe(setting(values[i]))) for i in range(0, len(values), step)]


def _table_section(flat: Members) -> str:
    diverged = int((~flat.ok).sum())
    tail = f"; {diverged:,} diverged and {'has' if diverged == 1 else 'have'} no numbers" if diverged else ""
    return f"<p>{count(len(flat.settings), 'member')}{tail}. Choose a heading to sort by it.</p>{table(flat)}"


def _data(shown: tuple[Shown, ...]) -> str:
    runs = [
        {**drawn(one), "name": one.name, "commands": one.commands, "facts": one.facts, "missing": one.missing}
        for one in shown
    ]
    text = json.dumps(runs, default=str).replace("<", "\\u003c")
    return f'<script type="application/json" id="runs">{text}</script>'
