"""Every work in every way, in one run, and the table.

make bench
python -m benchmarks --peers PYTHON --works fashion digits --rounds 15
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import prepare
from benchmarks.machine import description
from benchmarks.ring import Command, timed
from benchmarks.table import disagreements, rows_of, text_of
from benchmarks.work import FASHION, PRODUCTS, WORKS, Work

GRID = Command("vaejax grid", "benchmarks.ways.grid")
LINEN = Command("linen, a jitted step in a loop", "benchmarks.ways.linen_loop")
SCAN = Command("linen, a loop of one program", "benchmarks.ways.linen_scan")
TORCH = Command("PyTorch, eager", "benchmarks.peers.torch_loop", peer=True)
PYTHAE = Command("pythae, its trainer", "benchmarks.peers.pythae_trainer", peer=True)
MEASURE = Command("vaejax grid", "benchmarks.ways.measure")
NLL = Command("pythae, get_nll", "benchmarks.peers.pythae_nll", peer=True)
PEAKS = (Command("peak, JAX", "benchmarks.ways.peak"), Command("peak, PyTorch", "benchmarks.peers.peak", peer=True))
PRODUCT = FASHION._replace(name="peak", size=4096, steps=1)


def ways_of(work: Work) -> tuple[Command, ...]:
    """Who does a work; ours is the first."""
    if work.num_samples:
        return MEASURE, NLL
    return GRID, LINEN, *([SCAN] if work.channels else []), TORCH, PYTHAE


def measured(work: Work, folder: Path, peers: str, rounds: int) -> tuple[dict[str, Any], list[str]]:
    """One work as JSON, its table printed; and what is wrong with it."""
    prepare(work, folder)
    asked = [(command, work) for command in ways_of(work)]
    product = PRODUCT._replace(data=work.data, products=work.products)
    found, wrong = timed([*asked, *((command, product) for command in PEAKS)], folder, peers, rounds)
    rates = [2 * PRODUCT.size**3 / found.pop(command.way).seconds for command in PEAKS if command.way in found]
    if ways_of(work)[0].way not in found or not rates:
        return {"work": work._asdict(), "rows": []}, wrong
    rows = rows_of(work, found, rates)
    print(f"{text_of(work, rows, rounds)}\n\nPeak: {np.median(np.max(rates, axis=0)) / 1e9:.0f} GFLOP/s\n", flush=True)
    said = {
        "work": work._asdict(),
        "rows": [row._asdict() for row in rows],
        "seconds": {way: timing.seconds.tolist() for way, timing in found.items()},
        "peak": np.max(rates, axis=0).tolist(),
    }
    return said, [*wrong, *disagreements(work, rows)]


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a way could not be measured, or did not do the same work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=".venv-peers/bin/python", help="an interpreter with requirements.txt")
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS), metavar="WORK", help=", ".join(WORKS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, help="of a line, in place of those of each work, for a quick look")
    parser.add_argument("--products", choices=PRODUCTS, default="float32", help="of float32 on an accelerator, by all")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    asked = parser.parse_args(arguments)
    folder = asked.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    machine = description(asked.peers)
    print(json.dumps(machine, indent=1), flush=True)
    results, wrong = [], []
    for name in asked.works:
        work = WORKS[name]._replace(steps=asked.steps or WORKS[name].steps, products=asked.products)
        result, also = measured(work, folder, asked.peers, asked.rounds)
        results.append(result)
        wrong += also
    said = {"machine": machine, "rounds": asked.rounds, "products": asked.products, "works": results, "wrong": wrong}
    (folder / "results.json").write_text(json.dumps(said, indent=1))
    print("\n".join([f"Written to {asked.out / 'results.json'}", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
