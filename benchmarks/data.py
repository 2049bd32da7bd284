"""The bits that all ways see, in files that every interpreter reads."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.work import Work

HELD = 512  # test images on which losses are compared


class Bits(NamedTuple):
    """uint8 0 and 1, `[N, size, size]`."""

    train: np.ndarray
    test: np.ndarray


def prepare(work: Work, folder: Path) -> None:
    """Write the bits of a work, v > 0.5 of the largest value, where they are not there yet."""
    path = folder / f"{work.data}.npz"
    if path.exists():
        return
    from vaejax import data

    found = data.binarise_threshold(data.load(work.data))
    folder.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half.npz")
    np.savez(half, train=np.asarray(found.train[:]), test=np.asarray(found.test[:]))
    half.rename(path)


def bits_of(work: Work, folder: Path) -> Bits:
    """What `prepare` wrote."""
    with np.load(folder / f"{work.data}.npz") as found:
        return Bits(found["train"], found["test"])
