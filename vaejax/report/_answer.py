"""The top of the page: the answer in one sentence, what it rests on, and what to be wary of."""

from __future__ import annotations

from typing import Any

from vaejax.report._members import Members, label, measure
from vaejax.report._words import DASH, count, listed, name, nats, safe, setting


def headline(flat: Members, answer: Any) -> str:
    """HTML of the sentence: `Use latent size 16 and beta 1.`"""
    parts = _parts(answer)
    if not parts:
        return "No answer: every member diverged." if not flat.ok.any() else "No answer from these members."
    return f"Use {listed(parts)}." if answer.decided else f"Not decided yet: {', '.join(parts)}."


def plain_headline(flat: Members, answer: Any) -> str:
    """The sentence without emphasis, already escaped: the title of the page."""
    return headline(flat, answer).replace('<b class="pick">', "").replace("</b>", "")


def _parts(answer: Any) -> list[str]:
    member = dict(answer.member or {})
    picked = [(axis, getattr(answer, axis)) for axis in ("latent_size", "beta") if getattr(answer, axis) is not None]
    if not picked:
        picked = [(axis, value) for axis, value in member.items() if axis != "seed"]
    return [f'<b class="pick">{safe(name(axis))} {safe(_values(answer, axis, value))}</b>' for axis, value in picked]


def _values(answer: Any, axis: str, value: Any) -> str:
    """The value; of a latent size that is not decided, all that remain possible."""
    remain = answer.candidates if axis == "latent_size" and not answer.decided else ()
    return listed([setting(size) for size in remain], "or") or setting(value)


def hero(flat: Members, answer: Any, eyebrow: str) -> str:
    """HTML: the sentence, its reason, and the numbers it rests on."""
    if not _parts(answer):
        state, word = "open", "No answer"
    else:
        state, word = ("sure", "Decided") if answer.decided else ("open", "Not decided")
    facts = "".join(
        f"<div><dt>{term}</dt><dd class=value>{value}</dd><dd class=note>{note}</dd></div>"
        for term, value, note in _facts(flat, answer)
    )
    return (
        f'<header class="hero {state}"><p class="eyebrow">{safe(eyebrow)}</p>'
        f'<p class="badge">{word}</p><h1>{headline(flat, answer)}</h1>'
        f'<p class="lead">{safe(answer.reason)}</p><dl class="facts">{facts}</dl>{_rest(flat, answer)}</header>'
    )


def _facts(flat: Members, answer: Any) -> list[tuple[str, str, str]]:
    """Term, value and note of each number under the sentence."""
    facts = []
    if nats(answer.gap_nats) != DASH:
        note = "paired over the same test examples, ± one standard error"
        facts.append(("Gap", nats(answer.gap_nats, answer.gap_se), note))
    if nats(answer.margin_nats) != DASH:
        facts.append(("Margin", nats(answer.margin_nats), "a smaller difference is taken to be no difference"))
    candidates = [safe(setting(size)) for size in answer.candidates]
    if candidates:
        note = (
            "no smaller one of the grid stays within the margin"
            if len(candidates) == 1
            else "more seeds or test data would tell them apart"
        )
        facts.append((f"Latent size{'s' * (len(candidates) > 1)} still possible", listed(candidates, "or"), note))
    if flat.chosen is not None and "log_likelihood" in flat.measures:
        value, error = measure(flat, "log_likelihood")[flat.chosen], measure(flat, "log_likelihood_se")[flat.chosen]
        facts.append(("Held-out log likelihood", nats(value, error), "of the chosen member, per test example"))
    return facts


def _rest(flat: Members, answer: Any) -> str:
    """Where the chosen member is found: all its settings, and the way to its row."""
    if flat.chosen is None:
        return ""
    lead = "The chosen member" if answer.decided else "Ahead so far"
    where = f'<a href="#member-{flat.chosen + 1}">row {flat.chosen + 1} of the table</a>'
    return f'<p class="rest">{lead}: {safe(label(flat, flat.chosen))}; {where}.</p>'


def cautions(answer: Any) -> str:
    """HTML: what to be wary of; nothing if there is nothing."""
    items = "".join(f"<li>{safe(text)}</li>" for text in answer.warnings)
    if not items:
        return ""
    title = f"{count(len(answer.warnings), 'thing')} to know first"
    return f'<section id="warnings" class="warning" role="note"><h2>{title}</h2><ul>{items}</ul></section>'
