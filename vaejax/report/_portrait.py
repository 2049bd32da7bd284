"""What a member looks like, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vaejax.report.live import Live


class Traversed(NamedTuple):
    """One latent moved from one end of its prior to the other, all others held.

    latent: which, from 0. rate: of it, nats; NaN where the rate does not come per latent. values: `[steps]`.
    events: `[steps, *data_shape]`.
    """

    latent: int
    rate: float
    values: np.ndarray
    events: np.ndarray


class Codes(NamedTuple):
    """Where the codes of test examples lie in a plane. points: `[k, 2]`. title: which plane that is."""

    points: np.ndarray
    title: str


class Portrait(NamedTuple):
    """Pictures of one member, in the units of the data; a part that is `None` or empty is left out of the page.

    reconstructions: `[n, *data_shape]`, the decoded means of q(z|x) of the examples that the page shows.
    samples: `[m, *data_shape]`, decoded from draws of the prior.
    traversals: in the order of the rate, the most informative latent first.
    interpolation: `[steps, *data_shape]`, between the codes of the first two examples.
    rates: `[latent_size]`, the mean rate of each latent over test examples, nats; empty where it does not come so.
    codes: of test examples, in a plane.
    start: `[latent_size]`, the code of the first example, where sliders begin.
    live: the decoder as a program that a browser can run; `None` where it is too large or has an unknown operation.
    """

    reconstructions: np.ndarray | None = None
    samples: np.ndarray | None = None
    traversals: tuple[Traversed, ...] = ()
    interpolation: np.ndarray | None = None
    rates: np.ndarray | None = None
    codes: Codes | None = None
    start: np.ndarray | None = None
    live: Live | None = None
