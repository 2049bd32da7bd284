"""What charts are drawn from: a row for each member."""

from __future__ import annotations

import numpy as np

from vaejax.report._roster import Roster, column, hues, labels, levels, ok, values
from vaejax.report._sprites import rounded
from vaejax.report._words import plain
from vaejax.report.charts._spec import Spec, held_out


def rows(found: Roster) -> list[Spec]:
    """One for each member that has numbers: what the charts need of it. `size` is how large its disc is, 0 to 1."""
    sizes, told = column(found, "latent_size"), labels(found)
    order = {size: rank for rank, size in enumerate(levels(found, "latent_size"))}
    colour, good = hues(found), ok(found)
    numbers = {key: values(found, key) for key in ("rate", "distortion", *held_out(found))}
    return [
        {
            "id": i,
            "hue": colour[i],
            "label": told[i],
            "latents": plain(sizes[i]),
            "size": order.get(sizes[i], 0) / max(len(order) - 1, 1),
            **{key: rounded(found[i], 7) for key, found in numbers.items()},
        }
        for i in np.flatnonzero(good).tolist()
    ]
