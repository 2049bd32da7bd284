"""The contract of a score, and what those share that know nothing of normal data."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import PyTree

from vaejax.examples import AT_ONCE
from vaejax.metrics import Measured, importance
from vaejax.numerics import require_number
from vaejax.types import VAE, Example, Key, Number, Params, Scalar

FOR_DRAWS = 128  # examples of 16 draws each, which are 2,048 rows in a decoder


class Score(NamedTuple):
    """How unlike the training data an example is: the larger, the more anomalous. Pure functions.

    see: `(key, model, params, example)`, what is kept of one normal example.
    fit: from what was kept of all of them, stacked, to what the score knows of normal data; () where it knows nothing.
    of: `(key, model, params, fitted, example)`, the score of one example, in nats where it is one of the density.
        NaN or infinite where the model has no such thing.
    needs: in words, what a model must have for that.
    at_once: how many examples go through it together where nobody says; fewer where each has many draws, so that what
        is computed stays in the cache (`experiments/scoring_speed.py`).

    To see one example at a time is what lets any number of normal ones be streamed.
    """

    name: str
    see: Callable[[Key, VAE, Params, Example], PyTree]
    fit: Callable[[PyTree], Params]
    of: Callable[[Key, VAE, Params, Params, Example], Scalar]
    needs: str = "a value for every example"
    at_once: int = AT_ONCE


def of_model(name: str, of: Callable[[Key, VAE, Params, Example], Scalar], needs: str, at_once: int = AT_ONCE) -> Score:
    """A score that the model alone gives.

    >>> import vaejax as vj
    >>> of_model("first", lambda key, model, params, example: vj.encode(model, params, example)[0], "").fit(())
    ()
    """

    def of_known(key: Key, model: VAE, params: Params, fitted: Params, example: Example) -> Scalar:
        return of(key, model, params, example)

    return Score(name, _nothing, _nothing, of_known, needs, at_once)


def of_draws(name: str, num_samples: Number, of: Callable[[Measured], Scalar], needs: str) -> Score:
    """A score of what so many draws of z measure. Raises: VaejaxError where `num_samples` is below 1."""
    require_number("num_samples", num_samples, least=1.0)

    def of_one(key: Key, model: VAE, params: Params, example: Example) -> Scalar:
        return of(importance(key, model, params, example, num_samples))

    return of_model(name, of_one, needs, FOR_DRAWS)


def _nothing(*_: Any) -> Params:
    return ()
