"""How the time of a step grows: with the number of members, the batch, the width and the number of latents.

    make bench-curves
    python -m benchmarks.curves --curves members batch --rounds 5

The points of a curve are processes that work in turn, as the ways of a work are (`python -m benchmarks`).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.data import prepare
from benchmarks.machine import description
from benchmarks.networks import flops_of
from benchmarks.ring import Command, timed
from benchmarks.table import Timing
from benchmarks.work import DIGITS, FASHION, Work

MEMBERS = tuple(2**power for power in range(9))
ALONE = FASHION._replace(members=1)


class Curve(NamedTuple):
    """Works that differ in one thing. values: of that thing."""

    title: str
    values: tuple[int, ...]
    works: tuple[Work, ...]


CURVES = {
    "members": Curve("members, MLP 64-64-16", MEMBERS, tuple(DIGITS._replace(members=num) for num in MEMBERS)),
    "wide-members": Curve("members, MLP 784-400-32", MEMBERS, tuple(FASHION._replace(members=num) for num in MEMBERS)),
    "batch": Curve("batch", (16, 32, 64, 128, 256, 512), tuple(ALONE._replace(batch=16 * 2**n) for n in range(6))),
    "width": Curve("width", (64, 128, 256, 512, 1024), tuple(ALONE._replace(hidden=(64 * 2**n,)) for n in range(5))),
    "latents": Curve("latents", (2, 8, 32, 128), tuple(ALONE._replace(latent_size=2 * 4**n) for n in range(4))),
}


def measured(name: str, folder: Path, rounds: int, steps: int | None, most: int) -> tuple[dict[str, Any], list[str]]:
    """A curve as JSON, and what could not be measured."""
    curve, asked = CURVES[name], []
    for value, work in zip(curve.values, curve.works, strict=True):
        each = work._replace(name=f"{name}-{value}", checked=1, steps=steps or max(work.steps, work.members))
        if work.members <= most:
            prepare(each, folder)
            asked.append((Command(str(value), "benchmarks.ways.grid"), each))
    found, wrong = timed(asked, folder, sys.executable, rounds)
    points = [_point(work, found[command.way]) for command, work in asked if command.way in found]
    return {"title": curve.title, "points": points}, wrong


def _point(work: Work, timing: Timing) -> dict[str, Any]:
    rate = flops_of(work) / np.median(timing.seconds)
    said = {"work": work._asdict(), "setup": timing.setup, "seconds": timing.seconds.tolist(), "rate": float(rate)}
    return {"value": int(work.name.rpartition("-")[2]), **said}


def draw(curves: Sequence[dict[str, Any]], path: Path) -> None:
    """Milliseconds of a step of a member: the least of the rounds and the median."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(curves), figsize=(3.6 * len(curves), 3.2), layout="constrained", squeeze=False)
    for axis, curve in zip(axes[0], curves, strict=True):
        values = [point["value"] for point in curve["points"]]
        for label, of in (("median", np.median), ("least", np.min)):
            axis.plot(
                values, [1e3 * of(point["seconds"]) for point in curve["points"]], "o-", label=label, markersize=4
            )
        axis.set(xscale="log", xlabel=curve["title"], ylabel="ms, a step of a member")
        axis.set_ylim(bottom=0)
        axis.set_xticks(values, [str(value) for value in values])
        axis.minorticks_off()
        axis.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a point could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", nargs="+", choices=CURVES, default=list(CURVES), metavar="CURVE")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, help="of a line, for a quick look")
    parser.add_argument("--most", type=int, default=MEMBERS[-1], help="members; all points of a curve are in memory")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    asked = parser.parse_args(arguments)
    folder = asked.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    curves, wrong = {}, []
    for name in asked.curves:
        curves[name], also = measured(name, folder, asked.rounds, asked.steps, asked.most)
        wrong += also
        for point in curves[name]["points"]:
            print(f"{name} {point['value']:5d}: {1e3 * np.median(point['seconds']):9.3f} ms", flush=True)
    said = {"machine": description(sys.executable), "rounds": asked.rounds, "curves": curves, "wrong": wrong}
    (folder / "curves.json").write_text(json.dumps(said, indent=1))
    draw(list(curves.values()), folder / "curves.png")
    print("\n".join([f"Written to {asked.out / 'curves.png'} and curves.json", *wrong]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
