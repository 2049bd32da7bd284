from dataclasses import dataclass
from typing import Annotated

import tyro
from tyro.conf import Positional

from vaejax import data as sources


@dataclass(frozen=True)
class DataSet:
    """Prepare a data set, if that was not done before, and say what a model would see of it."""

    source: Annotated[Positional[str], tyro.conf.arg(metavar="NAME")]
    """digits, fashion_mnist, mnist, shapes, tfds:NAME, or a .npy or .npz file."""
    levels: int | None = None
    """How many levels uint8 data have. By default 256, or 2 where nothing exceeds 1."""

    def run(self) -> int:
        """0; prints shape, splits, what x is, the default likelihood and a hash."""
        data = sources.load(self.source, levels=self.levels)
        splits = ", ".join(f"{name} {len(split):,}" for name, split in data.splits.items())
        kind = "floats" if data.levels is None else f"{data.levels} levels"
        labels = f"{len(set(data.labels['train'].tolist()))} classes" if "train" in data.labels else "none"
        rows = {
            "data set": data.name,
            "examples": splits,
            "one example": f"{data.data_shape}, {kind}",
            "labels": labels,
            "x": f"{data.preparation}, on {data.support}",
            "likelihood": f"{data.likelihood.name}, by default",
            "sha256": sources.digest(data),
        }
        print("\n".join(f"{name:<12} {value}" for name, value in rows.items()))
        return 0
