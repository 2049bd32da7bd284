"""What a run uses: seconds of compiling, and memory at its peak."""

import resource
import sys
import threading

import jax

_COMPILING = "/jax/core/compile/backend_compile_duration"
_lock, _compiled = threading.Lock(), [0.0]


def _heard(event: str, duration_secs: float, **_: object) -> None:
    if event == _COMPILING:
        with _lock:
            _compiled[0] += duration_secs


jax.monitoring.register_event_duration_secs_listener(_heard)


def compiling() -> float:
    """Seconds that XLA has compiled for in this process, of all threads together; programs of a cache take almost none.

    >>> compiling() >= 0.0
    True
    """
    return _compiled[0]


def peak_memory() -> dict[str, int]:
    """Bytes at the peak so far: `process`, resident, and `device`, the fullest of this process, where it tells.

    >>> peak_memory()["process"] > 2**20
    True
    """
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    devices = [(device.memory_stats() or {}).get("peak_bytes_in_use", 0) for device in jax.local_devices()]
    return found | ({"device": max(devices)} if max(devices) else {})
