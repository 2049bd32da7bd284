"""What settings are compared by."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray as xr


class Criterion(NamedTuple):
    """A column `{column}_validation_examples` with its `_test_examples`; sign: 1 where larger is better, else -1."""

    column: str
    noun: str
    sign: int = 1


LIKELIHOOD = Criterion("log_likelihood", "log likelihood")
BOUND = Criterion("elbo", "bound")
TRADE_OFF = Criterion("elbo", "trade-off")


def likelihood_of(tables: Sequence["xr.Dataset"]) -> tuple[Criterion, tuple[str, ...]]:
    """The held-out log likelihood; the bound where there is none, and why in a sentence."""
    if any("log_likelihood" in table and np.isneginf(table["log_likelihood"].values).any() for table in tables):
        said = (
            "Codes are points, which have no density: log p(x) is minus infinity, their rate is -log p(z) and no KL, "
            "and what members are compared by is a trade-off of distortion and rate, no bound on log p(x)."
        )
        return TRADE_OFF, (said,)
    if all(f"{LIKELIHOOD.column}_{split}_examples" in table for table in tables for split in ("validation", "test")):
        return LIKELIHOOD, ()
    said = (
        "Members are compared by their bounds: the table was made before log likelihoods of validation examples were "
        "kept. `vaejax.saved.evaluate` measures a finished run again, with them."
    )
    return BOUND, (said,)
