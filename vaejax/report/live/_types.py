"""A decoder as a program that a browser can run."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Live(NamedTuple):
    """`z -> mean of p(x|z)` for one latent.

    program: what `decoder.js` runs, as JSON.
    weights: `[num]`, float16, that the program refers to.
    tolerance: of an entry of x, for the |difference| between the program as the browser runs it (float16 weights) and
        the library's decoder: twice the largest over draws of the prior, and a share of x for another order of sums.
    """

    program: dict[str, Any]
    weights: np.ndarray
    tolerance: float
