"""What the engine chooses beside what would have been fastest: every plan it considers, timed in turn.

python -m benchmarks.plans
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import bits_of, prepare
from benchmarks.engine import plans_of
from benchmarks.work import CONV, DIGITS, FASHION, Work
from vaejax.grid._mesh import mesh_for
from vaejax.grid._training import Training

WORKS = (
    DIGITS._replace(name="digits-32", members=40, hidden=(32,), latent_size=4),
    DIGITS,
    DIGITS._replace(name="digits-256", members=20, hidden=(256,)),
    DIGITS._replace(name="digits-256-256", members=20, hidden=(256, 256), batch=128),
    FASHION._replace(name="fashion-64", members=16, hidden=(64,), latent_size=8),
    FASHION._replace(name="fashion-200", members=16, hidden=(200,), batch=64),
    FASHION._replace(name="fashion-400", members=10),
    FASHION._replace(name="fashion-1000", members=6, hidden=(1000,)),
    CONV._replace(name="conv-8-16", members=8, channels=(8, 16), hidden=(64,)),
    CONV._replace(name="conv-32-64", members=4),
)
SECONDS = 0.5  # of training, what a round gives a plan


def timed(trainings: Sequence[Training], rounds: int) -> np.ndarray:
    """Seconds of a step of a member, `[round, plan]`; plans go in turn, the first round is left out."""
    sizes, found, trainings = [], [], [training.begin() for training in trainings]
    for training in trainings:
        training.advance(0, 2)
        began = time.perf_counter()
        training.advance(0, 2)
        sizes.append(int(np.clip(2 * SECONDS / (time.perf_counter() - began), 2, training.feed.longest)))
    for _ in range(rounds + 1):
        row = []
        for training, num in zip(trainings, sizes, strict=True):
            began = time.perf_counter()
            training.advance(0, num)
            row.append((time.perf_counter() - began) / num / len(training.members))
        found.append(row)
    return np.array(found[1:])


def compared(work: Work, folder: Path, rounds: int) -> dict[str, Any]:
    """One work: each plan's milliseconds, and how much longer the chosen takes than the fastest."""
    prepare(work, folder)
    plans = plans_of(work, bits_of(work, folder), mesh_for(work.members))
    with tempfile.TemporaryDirectory() as fresh:
        os.environ["VAEJAX_CACHE"] = fresh  # nothing is known
        chosen = plans.choose()[0].plan
    seconds = timed([plans.train(plan) for plan in plans.candidates], rounds)
    least = np.median(seconds, axis=0)
    milliseconds = {str(plan): 1e3 * float(one) for plan, one in zip(plans.candidates, least, strict=True)}
    behind = float(least[list(plans.candidates).index(chosen)] / least.min() - 1)
    return {"work": work.name, "chosen": str(chosen), "behind": behind, "milliseconds": milliseconds}


def main(arguments: Sequence[str] | None = None) -> int:
    """0; prints a line for each work and writes all to runs/benchmarks/plans.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--works", nargs="+", choices=[work.name for work in WORKS])
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"))
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    found = []
    for work in WORKS:
        if asked.works is None or work.name in asked.works:
            found.append(compared(work, asked.out.resolve(), asked.rounds))
            one = found[-1]
            told = ", ".join(f"{plan} {value:.3g}" for plan, value in one["milliseconds"].items())
            print(f"{one['work']}: {one['chosen']}, {one['behind']:.1%} behind the fastest; ms: {told}", flush=True)
    (asked.out / "plans.json").write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
