"""What settings are compared by."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vaejax.errors import VaejaxError

if TYPE_CHECKING:
    import xarray as xr

MEASURED = ("log_likelihood", "elbo", "distortion")  # what a sweep keeps for each example


class Criterion(NamedTuple):
    """A column, by example as `{column}_validation_examples` with its `_test_examples`, or one number for each member.

    sign: 1 where larger is better, else -1. unit: with a space before it.
    """

    column: str
    noun: str
    sign: int = 1
    unit: str = " nats"


LIKELIHOOD = Criterion("log_likelihood", "log likelihood")
BOUND = Criterion("elbo", "bound")
TRADE_OFF = Criterion("elbo", "trade-off")
DISTORTION = Criterion("distortion", "distortion", -1)
CRITERIA = {
    one.column: one
    for one in (
        LIKELIHOOD,
        BOUND,
        DISTORTION,
        Criterion("mean_squared_error", "squared error", -1, ""),
        Criterion("psnr", "PSNR", 1, " dB"),
        Criterion("ssim", "SSIM", 1, ""),
        Criterion("frechet_pca", "Fréchet distance in PCA features", -1, ""),
        Criterion("frechet_classifier", "Fréchet distance in classifier features", -1, ""),
        Criterion("kernel_pca", "kernel distance in PCA features", -1, ""),
        Criterion("precision", "precision", 1, ""),
        Criterion("recall", "recall", 1, ""),
        Criterion("coverage", "coverage", 1, ""),
    )
}


def criterion_of(tables: Sequence["xr.Dataset"], by: str) -> tuple[Criterion, tuple[str, ...]]:
    """What a name stands for, and what to say first. Raises: VaejaxError where it is in no table, or has no direction.

    >>> criterion_of((), "-energy")[0].sign, criterion_of((), "distortion")[0].sign
    (-1, -1)
    """
    name = by.lstrip("+-")
    if name == LIKELIHOOD.column:
        return likelihood_of(tables)
    if name == by and name not in CRITERIA:
        raise VaejaxError(
            f"say whether more of {name} is better: by='+{name}' or by='-{name}'; known are {', '.join(CRITERIA)}"
        )
    lacking = [table for table in tables if not by_example(table, name) and name not in table]
    if lacking:
        raise VaejaxError(f"a table has no column {name}: vj.evaluate adds measures, and a sweep {', '.join(MEASURED)}")
    found = CRITERIA.get(name, Criterion(name, name.replace("_", " "), 1, ""))
    sign = {"+": 1, "-": -1}.get(by[0], found.sign)
    return found._replace(sign=sign), ()


def by_example(table: "xr.Dataset", column: str) -> bool:
    """Whether a table has the column for each example of validation and test."""
    return all(f"{column}_{split}_examples" in table for split in ("validation", "test"))


def likelihood_of(tables: Sequence["xr.Dataset"]) -> tuple[Criterion, tuple[str, ...]]:
    """The held-out log likelihood; the bound where there is none, and why in a sentence."""
    if any("log_likelihood" in table and np.isneginf(table["log_likelihood"].values).any() for table in tables):
        said = (
            "Codes are points, which have no density: log p(x) is minus infinity, their rate is -log p(z) and no KL, "
            "and what members are compared by is a trade-off of distortion and rate, no bound on log p(x)."
        )
        return TRADE_OFF, (said,)
    if all(by_example(table, LIKELIHOOD.column) for table in tables):
        return LIKELIHOOD, ()
    said = (
        "Members are compared by their bounds: the table was made before log likelihoods of validation examples were "
        "kept. `vaejax.saved.evaluate` measures a finished run again, with them."
    )
    return BOUND, (said,)
