import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax import metrics
from vaejax.metrics import Features
from vaejax.types import VAE, Event, Key, Params
from vaejax.verbs import generate_mean

from ._held import Held
from ._learned import Learned
from ._mapped import by_rows, of_each, refused, tried
from ._types import Measure, Members, Values

BY_CLASSIFIER = ("frechet_classifier", "classifier_accuracy")

Draw = Callable[..., Event]  # (key, model, params, context), like vj.generate


def generation(draw: Draw = generate_mean) -> Measure:
    """Samples beside as many held examples: distances in features that need no download, and sharpness.

    draw: a sample, `vj.generate_mean` as papers show them, without the noise of p(x|z), or `vj.generate` with it.

    >>> list(generation().columns)[:4]
    ['frechet_pca', 'kernel_pca', 'precision', 'recall']
    """
    seen = f"samples ({getattr(draw, '__name__', draw)}) and as many held examples"
    columns = {
        "frechet_pca": f"Frechet distance of {seen}, up to 32 principal components of training examples, squared units "
        "of x; biased upwards, so compare at equal numbers alone",
        "kernel_pca": f"kernel distance (cubic) of {seen}, the same features, in 10 blocks; unbiased, may be negative",
        "precision": f"part of the samples among the data, of {seen}, the same features, k = 3",
        "recall": f"part of the data among the samples, of {seen}, the same features, k = 3",
        "density": f"how close to data the samples lie, of {seen}, the same features, k = 5; 1 where alike",
        "coverage": f"part of the data that is met, of {seen}, the same features, k = 5; 0.969 where alike",
        "frechet_classifier": f"Frechet distance of {seen}, 32 features of a classifier of the labels, trained on "
        "training examples: blind to what tells no classes apart; biased upwards",
        "classifier_accuracy": "of that classifier on the validation split, the same for every member",
        "sharpness_samples": "variance of the Laplacian of the samples, squared units of x; beside sharpness_data",
    }

    def of(members: Members) -> Values:
        learned = members.learned
        learned.pca()
        without = refused(BY_CLASSIFIER, learned.classifier)
        return {**of_each(functools.partial(_of_one, draw, learned))(members), **without}

    return Measure("generation", columns, of)


def _of_one(draw: Draw, learned: Learned, key: Key, model: VAE, params: Params, held: Held) -> dict[str, Array | str]:
    real, pca = held.x, learned.pca()
    keys = jax.random.split(key, len(real))
    made = by_rows(lambda key, context: draw(key, model, params, context), keys, held.test.context)

    def both(features: Features) -> tuple[Array, Array]:
        return features(real), features(made)

    def kernel() -> tuple[Array]:
        return (metrics.kernel_distance(*both(pca)).value,)

    def by_classifier() -> tuple[Array, Array]:
        found = learned.classifier()
        return metrics.frechet_distance(*both(found.features)), found.accuracy

    return {
        **tried(("frechet_pca",), lambda: (metrics.frechet_distance(*both(pca)),)),
        **tried(("kernel_pca",), kernel),
        **tried(("precision", "recall"), lambda: metrics.precision_recall(*both(pca))),
        **tried(("density", "coverage"), lambda: metrics.density_coverage(*both(pca))),
        **tried(BY_CLASSIFIER, by_classifier),
        **tried(("sharpness_samples",), lambda: (jnp.mean(jax.vmap(metrics.sharpness)(made)),)),
    }
