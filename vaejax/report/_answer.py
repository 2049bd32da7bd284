"""The top of the page: the answer in one sentence, what it rests on, and what to be wary of."""

from __future__ import annotations

from typing import Any

from vaejax.report._members import Members, label, measure
from vaejax.report._notes import grid
from vaejax.report._shown import Shown
from vaejax.report._words import DASH, count, listed, name, nats, setting


def hero(shown: Shown, flat: Members, first: int, text: str) -> dict[str, Any]:
    """What the template says of one run. first: where its members begin in the list of all. text: what it is called."""
    answer, chosen = shown.answer, flat.chosen
    doubts = () if answer is None else tuple(answer.warnings)
    state, badge = _state(answer)
    return {
        "state": state,
        "badge": badge,
        "eyebrow": " · ".join(one for one in (str(shown.dataset.attrs.get("name", "")), grid(flat)) if one),
        "headline": headline(flat, answer),
        "reason": answer.reason if answer is not None else "",
        "facts": _facts(flat, answer) if answer is not None else [],
        "chosen": None if chosen is None else first + chosen,
        "lead": "The chosen member" if answer is not None and answer.decided else "Ahead so far",
        "label": "" if chosen is None else label(flat, chosen),
        "doubts": doubts,
        "doubts_title": f"{count(len(doubts), 'thing')} to know first",
        "missing": shown.missing,
        "name": text,
    }


def _state(answer: Any) -> tuple[str, str]:
    if answer is None:
        return "open", "Not finished"
    if not _parts(answer):
        return "open", "No answer"
    return ("sure", "Decided") if answer.decided else ("open", "Not decided")


def headline(flat: Members, answer: Any) -> str:
    """`Use latent size 16 and beta 1.`"""
    if answer is None:
        return "No answer yet."
    parts = _parts(answer)
    if not parts:
        return "No answer: every member diverged." if not flat.ok.any() else "No answer from these members."
    return f"Use {listed(parts)}." if answer.decided else f"Not decided yet: {', '.join(parts)}."


def _parts(answer: Any) -> list[str]:
    member = dict(answer.member or {})
    picked = [(axis, getattr(answer, axis)) for axis in ("latent_size", "beta") if getattr(answer, axis) is not None]
    if not picked:
        picked = [(axis, value) for axis, value in member.items() if axis != "seed"]
    return [f"{name(axis)} {_values(answer, axis, value)}" for axis, value in picked]


def _values(answer: Any, axis: str, value: Any) -> str:
    """The value; of a latent size that is not decided, all that remain possible."""
    remain = answer.candidates if axis == "latent_size" and not answer.decided else ()
    return listed([setting(size) for size in remain], "or") or setting(value)


def _facts(flat: Members, answer: Any) -> list[tuple[str, str, str]]:
    """Term, value and note of each number under the sentence."""
    facts = []
    if answer.gap_nats == 0 and answer.gap_se == 0:
        facts.append(("Gap", "none", "no setting of the grid is better in the mean over seeds"))
    elif nats(answer.gap_nats) != DASH:
        note = "what it loses to the best, paired over the same test examples, ± one standard error"
        facts.append(("Gap", nats(answer.gap_nats, answer.gap_se), note))
    if nats(answer.margin_nats) != DASH:
        facts.append(("Margin", nats(answer.margin_nats), "a smaller difference is taken to be no difference"))
    candidates = [setting(size) for size in answer.candidates]
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
