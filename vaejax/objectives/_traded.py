"""What objectives share that are functions of the mean distortion and the mean rate, or learn nothing of their own."""

from collections.abc import Callable, Mapping

from vaejax.bound import each, terms
from vaejax.numerics import average
from vaejax.types import VAE, Bound, Example, Key, Number, Objective, Params, Scalar


def params_of_model(key: Key, model: VAE, batch: Example) -> Params:
    """`Objective.init` of an objective that learns nothing of its own."""
    return model.init(key, batch)


def traded(value: Callable[[Scalar, Scalar], Scalar], formula: str, settings: Mapping[str, Number]) -> Objective:
    """`value(distortion, rate)` of their means over a batch, one draw of z for each example, nats."""

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        found = each(lambda key, example: terms(key, model, params, example), key, batch)
        distortion, rate = average(found.distortion, batch.weight), average(found.rate, batch.weight)
        return Bound(value(distortion, rate), distortion, rate)

    return Objective(params_of_model, evaluate, formula, settings)
