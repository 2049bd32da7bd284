"""What the doctor found: each failure with its evidence and what to train next."""

from __future__ import annotations

from typing import Any

from vaejax.answer import Finding, Remedy, doctor
from vaejax.report._words import count, listed, name, safe, setting


def findings(dataset: Any) -> str:
    """HTML: a paragraph for each failure; what was not looked for, and why; nothing without a table of who is ok."""
    if "status" not in dataset:
        return ""
    found = doctor(dataset)
    parts = [_finding(one) for one in found.findings] or ["<p>Nothing that could be looked for.</p>"]
    if found.not_looked_for:
        told = "; ".join(f"{title}: {why}" for title, why in found.not_looked_for.items())
        parts.append(f"<p>Not looked for: {safe(told)}.</p>")
    return "".join(parts)


def _finding(one: Finding) -> str:
    title = one.name[0].upper() + one.name[1:]
    items = "".join(f"<li>{safe(_said(remedy))}</li>" for remedy in one.remedies)
    return f"<p><b>{safe(title)}</b> ({count(len(one.members), 'member')}). {safe(one.evidence)}</p><ul>{items}</ul>"


def _said(remedy: Remedy) -> str:
    grid = [f"{name(axis)} {listed([_shown(v) for v in values], 'or')}" for axis, values in remedy.grid.items()]
    parts = [remedy.text, *([", ".join(grid)] if grid else []), *([remedy.python] if remedy.python else [])]
    return ": ".join(parts) + "."


def _shown(value: Any) -> str:
    return " ".join(map(setting, value)) if isinstance(value, tuple) else setting(value)
