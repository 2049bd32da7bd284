from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def facts_of(path: Path) -> dict[str, Any]:
    """How a run was made, from what is noted in its folder: seconds, devices, versions. What is not there is left out.

    Seconds are those until everything was measured, as they are known when the report is written.
    """
    timing = read_json(path / "timing.json")
    facts = {**_seconds(timing), **_memory(timing.get("peak_bytes"))}
    noted = read_json(path / "config.json")
    devices, versions = (noted.get(name) for name in ("devices", "versions"))
    if isinstance(devices, Mapping) and {"count", "platform"} <= set(devices):
        facts["devices"] = f"{devices['count']} {devices['platform']}"
    if isinstance(versions, Mapping):
        facts["versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return facts


def name_of(path: Path) -> str:
    """What a run is called: its folder's name."""
    return path.expanduser().resolve().name


def _memory(peak: Any) -> dict[str, Any]:
    """What was taken at most until the report was written."""
    known = peak if isinstance(peak, Mapping) else {}
    return {f"peak memory of the {name}": f"{size / 2**20:,.0f} MiB" for name, size in known.items()}


def _seconds(timing: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in timing.items() if isinstance(value, int | float)}
    if {"first_segment", "train_and_measure"} <= set(known):
        first, rest = known["first_segment"], known["train_and_measure"]
        return {
            "seconds until the first segment, compiling included": first,
            "seconds of training and measuring after it": rest,
            "seconds until all was measured": round(first + rest, 2),
            **({"seconds of compiling, of all threads": known["compiling"]} if "compiling" in known else {}),
        }
    return {f"seconds of {'all stages' if name == 'total' else name}": value for name, value in known.items()}


def read_json(path: Path) -> dict[str, Any]:
    """What is noted in a file; nothing where it is not there or damaged."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
