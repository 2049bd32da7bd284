"""What machine this is, in the words that stand beside its numbers."""

import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

OURS, THEIRS = ("vaejax", "jax", "jaxlib", "flax", "optax", "numpy"), ("torch", "pythae", "numpy")
ASK = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"


def description(peers: str) -> dict[str, Any]:
    """Processor, cores, memory, accelerator and versions; None where it cannot be told."""
    import jax

    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return {
        "processor": _line(Path("/proc/cpuinfo"), "model name"),
        "cores": cores,
        "memory": _line(Path("/proc/meminfo"), "MemTotal"),
        "devices": sorted({device.device_kind for device in jax.devices()}),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(load, 2),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in OURS},
        "versions_of_peers": _versions(peers),
    }


def _line(path: Path, name: str) -> str | None:
    if not path.exists():
        return None
    found = [line.partition(":")[2].strip() for line in path.read_text().splitlines() if line.startswith(name)]
    return found[0] if found else None


def _versions(peers: str) -> dict[str, str] | None:
    try:
        said = subprocess.run([peers, "-c", ASK, *THEIRS], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return json.loads(said)
