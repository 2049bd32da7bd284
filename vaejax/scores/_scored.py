from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from vaejax.errors import VaejaxError
from vaejax.examples import each_example, examples_of, fixed
from vaejax.types import VAE, Example, Key, Number, Params, Scalar

from ._types import Score


def fit(key: Key, model: VAE, params: Params, score: Score, x: Any, *, at_once: Number | None = None) -> Params:
    """What a score knows of normal data `x`, any number of examples, streamed; () where it needs to know nothing.

    x: arrays `[num, *data_shape]`, or what `vj.examples_of` gives, with a mask or a context. Best held out of training.
    at_once: how many go through together; by default what is fast for the score. It changes memory and nothing else.
    Raises: DataError as `vj.examples_of`; VaejaxError where the score does not apply to the model.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> fit(jax.random.key(1), model, params, vj.scores.rate(), np.zeros((5, 4)))
    ()
    """
    size = score.at_once if at_once is None else at_once
    seen = each_example(fixed(_see, score, model), key, params, examples_of(model, x), at_once=size)
    fitted = score.fit(jax.tree.map(jnp.asarray, seen))
    for leaf in jax.tree.leaves(fitted):
        if not np.isfinite(leaf).all():
            raise VaejaxError(f"the score {score.name} does not apply to this model: it needs {score.needs}")
    return fitted


def scored(
    key: Key, model: VAE, params: Params, score: Score, fitted: Params, x: Any, *, at_once: Number | None = None
) -> np.ndarray:
    """The score of each of any number of examples, `[num]`: the larger, the more anomalous.

    fitted: what `fit` gave, with the same model, params and score. x: arrays `[num, *data_shape]`, or what
    `vj.examples_of` gives. The noise of an example comes from `key` and its place, so scores are the same again, and do
    not depend on `at_once`. Hand over the same score to have its program again.
    Raises: DataError as `vj.examples_of`; VaejaxError where the score does not apply to the model.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> score, (normal_key, key) = vj.scores.mahalanobis(), jax.random.split(jax.random.key(1))
    >>> fitted = vj.scores.fit(normal_key, model, params, score, np.eye(4))
    >>> scored(key, model, params, score, fitted, np.eye(4)).shape
    (4,)
    """
    size = score.at_once if at_once is None else at_once
    found = each_example(fixed(_of, score, model), key, (params, fitted), examples_of(model, x), at_once=size)
    finite = np.isfinite(found)
    if not finite.all():
        row = int(np.argmin(finite))
        raise VaejaxError(
            f"the score {score.name} of row {row} is {found[row]} ({np.sum(~finite)} such rows): it needs {score.needs}"
        )
    return found


def _see(score: Score, model: VAE, key: Key, params: Params, example: Example) -> PyTree:
    return score.see(key, model, params, example)


def _of(score: Score, model: VAE, key: Key, both: tuple[Params, Params], example: Example) -> Scalar:
    """Of the params of the model and what was fitted."""
    return score.of(key, model, *both, example)
