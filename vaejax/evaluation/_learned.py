"""Features that are learned from the training split, in which sets of examples are held beside each other."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data import Data
from vaejax.errors import VaejaxError
from vaejax.grid import MEASURING_SEED
from vaejax.metrics import Classifier, Features, classifier_features, pca_features

from ._held import Look, places_of

MOST = 5000  # examples that are learned from
COMPONENTS = 32  # at most
LEARNING_RATE = 2e-3


class Learned(NamedTuple):
    """Each is learned when it is first asked for, outside of any `jit`, and then kept.

    Raises: VaejaxError, `classifier` where there are no labels.
    """

    pca: Callable[[], Features]
    classifier: Callable[[], Classifier]


def learned_of(data: Data, look: Look) -> Learned:
    """Of the training split as models see it; the accuracy of the classifier is that on the validation split."""

    def seen(split: str) -> tuple[Any, np.ndarray]:
        places = places_of(len(data.splits[split]), MOST)
        return look(split, places)[0].x, places

    @functools.cache
    def pca() -> Features:
        x = seen("train")[0]
        return _quickly(lambda: pca_features(x, min(COMPONENTS, len(x), x[0].size)))

    @functools.cache
    def classifier() -> Classifier:
        if "train" not in data.labels or "validation" not in data.labels:
            raise VaejaxError(f"{data.name} has no labels")
        import optax

        learned, held_out = [
            (x, jnp.asarray(np.asarray(data.labels[split])[places], int))
            for split in ("train", "validation")
            for x, places in [seen(split)]
        ]
        key = jax.random.key(MEASURING_SEED)
        return _quickly(lambda: classifier_features(key, optax.adam(LEARNING_RATE), learned, held_out))

    return Learned(pca, classifier)


def _quickly(learn: Callable) -> Any:
    """Compiled as one program, with little effort, as it is run once."""
    options = {"xla_backend_optimization_level": 1} if jax.default_backend() == "cpu" else None
    return jax.jit(learn, compiler_options=options)()
