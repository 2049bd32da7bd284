"""What the doctor found: each failure with its evidence and what to train next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaejax.answer import Diagnosis, Finding, Remedy, doctor
from vaejax.report._shown import Shown
from vaejax.report._words import count, listed, name, setting


def diagnoses(shown: Shown) -> list[Diagnosis]:
    """Of every table of a run that was measured."""
    return [doctor(one) for one in (shown.dataset, *shown.rounds) if "status" in one and "elbo" in one]


def findings(known: Sequence[Diagnosis]) -> dict[str, Any] | None:
    """What the template says; nothing where nobody was measured."""
    if not known:
        return None
    unknown = {title: why for one in reversed(known) for title, why in one.not_looked_for.items()}
    return {
        "found": [_finding(one) for diagnosis in known for one in diagnosis.findings],
        "unknown": [f"{title}: {why}." for title, why in unknown.items()],
    }


def titled(one: Finding) -> str:
    """Its name as the beginning of a sentence."""
    return one.name[0].upper() + one.name[1:]


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "title": titled(one),
        "count": count(len(one.members), "member"),
        "evidence": one.evidence,
        "remedies": [_said(remedy) for remedy in one.remedies],
    }


def _said(remedy: Remedy) -> str:
    grid = [f"{name(axis)} {listed([_shown(v) for v in values], 'or')}" for axis, values in remedy.grid.items()]
    parts = [remedy.text, *([", ".join(grid)] if grid else []), *([remedy.python] if remedy.python else [])]
    return ": ".join(parts) + "."


def _shown(value: Any) -> str:
    return " ".join(map(setting, value)) if isinstance(value, tuple) else setting(value)
