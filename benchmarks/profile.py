"""Where the time of a training step goes on one core: the operations of the compiled program, by what they are for.

python -m benchmarks.profile
"""

import argparse
import gzip
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.data import Bits, bits_of, prepare
from benchmarks.networks import flops_of
from benchmarks.work import WORKS, Work

PARTS = {"patches": "rows of pixels for convolutions", "update": "the optimizer", "batch": "the batch", "": "the rest"}
PRODUCTS, WHOLE, PEAK = "matrix products", "without being watched", "at the peak"
ASKED = {  # of each work, the groups of one thread of the plan that is taken, and steps that take about a second
    "conv-1": ("at_once=1", 40),
    "conv-8": ("at_once=1", 10),
    "fashion": ("at_once=10,shared", 20),
    "digits": ("at_once=20,shared", 500),
}
INSTRUCTION = re.compile(r"^\s*(?:ROOT )?%(?P<name>\S+) = (?:\([^=]*?\)|\S+) (?P<kind>[\w-]+)\(")
COMPUTATION = re.compile(r"^(?:ENTRY )?%(?P<name>\S+) \(.*\{$")
NESTED = {"while", "call", "conditional"}  # their time is that of what is in them
SIDE = 2048  # of the product that tells the peak


class Instruction(NamedTuple):
    """kind: its operation. scopes: what it was traced for, joined by strokes. calls: a computation fused in it."""

    kind: str
    scopes: str
    calls: str


Computations = Mapping[str, Mapping[str, Instruction]]


def computations_of(text: str) -> Computations:
    """The instructions of every computation of a compiled program, from its text.

    >>> import jax
    >>> text = jax.jit(lambda a: a @ a).lower(jax.numpy.ones((64, 64))).compile().as_text()
    >>> any("dot" in {one.kind for one in found.values()} for found in computations_of(text).values())
    True
    """
    found: dict[str, dict[str, Instruction]] = {}
    inside: dict[str, Instruction] = {}
    for line in text.splitlines():
        if begun := COMPUTATION.match(line):
            inside = found.setdefault(begun["name"], {})
        elif told := INSTRUCTION.match(line):
            scopes, calls = re.search(r'op_name="([^"]*)"', line), re.search(r"calls=%(\S+?)[,\s]", line)
            inside[told["name"]] = Instruction(told["kind"], scopes[1] if scopes else "", calls[1] if calls else "")
    return found


def parts_of(computations: Computations) -> dict[str, str]:
    """What each instruction that is run by itself is for: products, or the first of `PARTS` that it belongs to."""
    fused = {one.calls for found in computations.values() for one in found.values()}
    return {
        name: _part(one, computations)
        for computation, found in computations.items()
        if computation not in fused
        for name, one in found.items()
        if one.kind not in NESTED
    }


def _part(one: Instruction, computations: Computations) -> str:
    within = [one, *(computations[one.calls].values() if one.calls in computations else ())]
    if any(each.kind in {"dot", "convolution"} or "matmul" in each.kind for each in within):
        return PRODUCTS
    scopes = "/".join(each.scopes for each in within)
    return next(said for scope, said in PARTS.items() if f"/{scope}/" in f"/{scopes}/" or not scope)


def seconds_of(trace: Mapping[str, Any], parts: Mapping[str, str]) -> Counter[str]:
    """Seconds of each part, from the events of a trace of jax."""
    found: Counter[str] = Counter()
    for event in trace["traceEvents"]:
        if event.get("ph") == "X" and event["name"] in parts:
            found[parts[event["name"]]] += event["dur"] / 1e6
    return found


def profiled(work: Work, folder: Path, plan: str, steps: int) -> dict[str, float]:
    """Milliseconds of a step of a member by part, in all, and at the peak; on the one core that this process has."""
    import jax

    from benchmarks.engine import advance_of, advanced
    from vaejax.plans import plan_of

    jax.config.update("jax_enable_compilation_cache", False)  # a kept program has the names of whoever compiled it
    prepare(work, folder)
    bits = bits_of(work, folder)
    advance = advance_of(work, bits, plan_of(plan))
    parts = parts_of(computations_of(advance.training.step.as_text()))
    advanced(advance, 0, steps)
    whole = 1e3 * _seconds(lambda: advanced(advance, steps, steps)) / steps / work.members
    with tempfile.TemporaryDirectory() as traces:
        with jax.profiler.trace(traces):
            advanced(advance, 2 * steps, steps)
        (path,) = Path(traces).rglob("*.trace.json.gz")
        trace = json.loads(gzip.decompress(path.read_bytes()))
    found = {part: 1e3 * seconds / steps / work.members for part, seconds in seconds_of(trace, parts).items()}
    return {**dict(sorted(found.items(), key=lambda one: -one[1])), WHOLE: whole, PEAK: _at_peak(work, bits)}


def _at_peak(work: Work, bits: Bits) -> float:
    from benchmarks.ways import peak

    product = peak.make(work._replace(size=SIDE), bits)
    product.run(1)
    best = min(_seconds(lambda: product.run(1)) for _ in range(9))
    return 1e3 * flops_of(work) * best / (2 * SIDE**3)


def _seconds(function: Callable[[], Any]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """0; prints the milliseconds of each work and writes all to runs/benchmarks/profile.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", nargs="+", choices=ASKED, default=list(ASKED))
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    asked = parser.parse_args(arguments)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before jax counts the cores: one operation at a time
    asked.out.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in asked.works:
        work, (plan, steps) = WORKS[name], ASKED[name]
        found[name] = profiled(work, asked.out.resolve(), plan, steps)
        print(f"{work.title}, {plan}, milliseconds of a step of a member:")
        print("\n".join(f"  {part}: {milliseconds:.3f}" for part, milliseconds in found[name].items()), flush=True)
    (asked.out / "profile.json").write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
