"""What the chosen member looks like, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Portrait(NamedTuple):
    """Pictures of one member, in the units of the data; a part that is `None` is left out of the page.

    examples: `[n, *data_shape]`, from the test split.
    reconstructions: `[n, *data_shape]`, the decoded means of q(z|x) of the same examples.
    samples: `[m, *data_shape]`, decoded from the prior.
    traversal: `[rows, steps, *data_shape]`, one latent moved along each row.
    traversal_labels: one text for each row of the traversal ("latent 3, rate 2.1 nats").
    """

    examples: np.ndarray | None = None
    reconstructions: np.ndarray | None = None
    samples: np.ndarray | None = None
    traversal: np.ndarray | None = None
    traversal_labels: tuple[str, ...] = ()
