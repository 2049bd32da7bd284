"""Seconds to trace and compile the training program of 60 members, by each plan, beside that of one.

python -m benchmarks.compiling
"""

import sys
import time
from pathlib import Path

import jax
import numpy as np

from benchmarks.data import bits_of, prepare
from benchmarks.engine import plans_of
from benchmarks.work import CONV, DIGITS, FASHION
from vaejax.grid._mesh import mesh_for

REPEATS = 3


def main() -> int:
    """0; prints a line for each work and plan."""
    folder = Path("runs/benchmarks").resolve()
    jax.config.update("jax_enable_compilation_cache", False)
    for work in (DIGITS, FASHION, CONV):
        prepare(work, folder)
        grids = [plans_of(work._replace(members=num), bits_of(work, folder), mesh_for(num)) for num in (1, 60)]
        asked = [(plans, plan) for plans in grids for plan in plans.candidates]
        found = np.zeros((REPEATS, len(asked)))
        for row in found:
            for at, (plans, plan) in enumerate(asked):
                training = plans.train(plan)
                jax.clear_caches()
                began = time.perf_counter()
                training.step  # noqa: B018, as it is compiled when it is first asked for
                row[at] = time.perf_counter() - began
        seconds = np.median(found, axis=0)
        for (_, plan), one in zip(asked[1:], seconds[1:], strict=True):
            print(
                f"{work.name}, 60 members by {plan}: {one:.2f} s, {one / seconds[0]:.2f} times one member", flush=True
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
