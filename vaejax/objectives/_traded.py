"""What objectives share that take one draw of z for each example, or learn nothing of their own."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from vaejax.bound import drawn
from vaejax.numerics import average
from vaejax.types import VAE, Bound, Draw, Example, Key, Number, Objective, Params, Scalar


class OneDraw(NamedTuple):
    """What an objective was given, one draw of z for each example, and their mean distortion and rate, in nats."""

    key: Key
    model: VAE
    params: Params
    batch: Example
    draw: Draw
    distortion: Scalar
    rate: Scalar


def params_of_model(key: Key, model: VAE, batch: Example) -> Params:
    """`Objective.init` of an objective that learns nothing of its own."""
    return model.init(key, batch)


def of_one_draw(
    value: Callable[[OneDraw], Scalar],
    formula: str,
    settings: Mapping[str, Number],
    init: Callable[[Key, VAE, Example], Params] = params_of_model,
) -> Objective:
    """`value` of one draw of z for each example of a batch."""

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        draw, found = drawn(key, model, params, batch)
        distortion, rate = average(found.distortion, batch.weight), average(found.rate, batch.weight)
        return Bound(value(OneDraw(key, model, params, batch, draw, distortion, rate)), distortion, rate)

    return Objective(init, evaluate, formula, settings)


def traded(value: Callable[[Scalar, Scalar], Scalar], formula: str, settings: Mapping[str, Number]) -> Objective:
    """`value(distortion, rate)` of their means over a batch."""
    return of_one_draw(lambda one: value(one.distortion, one.rate), formula, settings)
