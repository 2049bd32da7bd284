"""What the doctor found: each failure with its evidence and what to train next."""

from __future__ import annotations

from typing import Any

from vaejax.answer import Finding, Remedy, doctor
from vaejax.report._words import count, listed, name, setting


def findings(dataset: Any) -> dict[str, Any] | None:
    """What the template says; nothing where nobody was measured."""
    if "status" not in dataset or "elbo" not in dataset:
        return None
    found = doctor(dataset)
    unknown = [f"{title}: {why}." for title, why in found.not_looked_for.items()]
    return {"found": [_finding(one) for one in found.findings], "unknown": unknown}


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "title": one.name[0].upper() + one.name[1:],
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
