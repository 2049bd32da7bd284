"""What is known of each member, with its unit, how it was got, and which way is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from vaejax.answer import CRITERIA
from vaejax.report._words import name


class Measure(NamedTuple):
    """A column of the page. better: 1 where more is better, -1 where less is, 0 where neither can be said.

    decimals: how many are shown; `None` is four digits, as the measure may be of any size.
    """

    key: str
    title: str
    unit: str
    how: str
    better: int = 0
    decimals: int | None = 2


KNOWN = (
    Measure(
        "log_likelihood",
        "log likelihood",
        "nats",
        "log 1/K Σ p(x, z) / q(z|x) over K draws of q, mean over the test split; a lower bound in the mean",
        1,
    ),
    Measure("log_likelihood_se", "standard error of it", "nats", "over the test examples: s / √n"),
    Measure("elbo", "ELBO", "nats", "−(distortion + rate), test split, at beta 1 whatever was trained", 1),  # noqa: RUF001
    Measure("distortion", "distortion", "nats", "−E log p(x|z) over q(z|x), test split", -1),  # noqa: RUF001
    Measure("rate", "rate", "nats", "KL(q(z|x) ‖ p(z)), test split"),
    Measure(
        "active_units", "active units", "latents", "latents whose mean of q varies over the test split by > 0.01", 0, 0
    ),
    Measure(
        "effective_sample_size", "effective draws", "of K", "how many of the K draws count; median over test", 1, 1
    ),
    Measure("elbo_validation", "ELBO, validation", "nats", "the same on the split that chose the epoch", 1),
    Measure("elbo_train", "ELBO, training", "nats", "the same on the training split, one draw of z", 1),
    Measure("drift", "drift", "nats", "change of the validation bound over the last 20% of the epochs"),
    Measure("best_epoch", "best epoch", "", "whose state was kept and measured: the best on validation", 0, 0),
    Measure("ended_epoch", "ended at epoch", "", "where training of the member ended before the others", 0, 0),
    Measure("num_params", "parameters", "", "learned by the model at its own latent size", 0, 0),
)


LATEST = Measure("latest", "ELBO, validation, so far", "nats", "of the last state that training has come to", 1)


def measured(datasets: Sequence[Any]) -> list[Measure]:
    """The columns that any of these tables has: the known ones first, then what `vj.evaluate` added."""
    found = {one.key: one for one in KNOWN if any(one.key in dataset for dataset in datasets)}
    for dataset in datasets:
        for key in evaluated(dataset):
            told = str(dataset[key].attrs.get("description", ""))
            better, unit = (CRITERIA[key].sign, CRITERIA[key].unit.strip()) if key in CRITERIA else (0, "")
            found.setdefault(key, Measure(key, name(key), unit, told, better, None))
    if any("elbo" not in dataset and "history_validation" in dataset for dataset in datasets):
        found[LATEST.key] = LATEST
    return list(found.values())


def evaluated(dataset: Any) -> list[str]:
    """What `vj.evaluate` added that is one number for each member."""
    found = [key for key in dataset.attrs.get("evaluated", "").split() if key in dataset]
    return [key for key in found if "status" in dataset and dataset[key].dims == dataset["status"].dims]
