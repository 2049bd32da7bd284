"""What was measured before: which plan trains a program fastest on this machine, in a file."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vaejax.errors import VaejaxError
from vaejax.grid._mesh import mesh_text
from vaejax.grid._program import without_addresses
from vaejax.grid._threads import threads_for
from vaejax.grid._training import Training
from vaejax.plans import Plan, plan_of
from vaejax.versions import versions


class Choice(NamedTuple):
    """A plan, and why: it was asked for, guessed, measured now, or measured before."""

    plan: Plan
    reason: str

    def __str__(self) -> str:
        return f"{self.plan} ({self.reason})"


def known(training: Training) -> Choice | None:
    """What was measured before of this program on this machine."""
    try:
        found = _all_known()[_name(training)]
        return Choice(plan_of(found["plan"]), found["reason"].replace("measured,", "measured before,"))
    except (KeyError, TypeError, AttributeError, VaejaxError):
        return None


def _all_known() -> dict[str, Any]:
    """What is remembered; nothing where it can not be read."""
    try:
        found = json.loads(_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(training: Training, choice: Choice) -> None:
    path, told = _file(), {"plan": str(choice.plan), "reason": choice.reason}
    known = {**_all_known(), _name(training): told}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(known, indent=1))
        part.replace(path)
    except OSError:
        return  # it is measured again the next time


def _name(training: Training) -> str:
    """Of a program on a machine: what is compiled, and for what."""
    text = without_addresses(training.lowered.as_text())
    device = training.mesh.devices.flat[0]
    machine = [
        device.device_kind,
        device.platform,
        mesh_text(training.mesh),
        jax.process_count(),
        threads_for(training.mesh),
        versions(("jaxlib",)),
    ]
    return hashlib.sha256(json.dumps([text, machine], default=str).encode()).hexdigest()


def _file() -> Path:
    home = os.environ.get("VAEJAX_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "vaejax")
    return Path(home).expanduser() / "plans.json"
