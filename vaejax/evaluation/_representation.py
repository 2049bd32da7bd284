import jax
from jaxtyping import Array

from vaejax import metrics
from vaejax.types import VAE, Key, Params

from ._codes import codes_of
from ._held import Held
from ._mapped import of_each, tried
from ._types import Measure

REPEATS = 5  # choices of few labels


def representation() -> Measure:
    """What codes know of labels that no model saw: the mean of q(z|x) under simple classifiers, and in clusters.

    >>> list(representation().columns)
    ['linear_probe', 'few_label_accuracy', 'few_label_accuracy_se', 'k_nearest', 'k_means_nmi', 'k_means_ari']
    """
    columns = {
        "linear_probe": "accuracy of logistic regression (l2 = 1) from codes to labels, learned on training examples",
        "few_label_accuracy": "the same from 10 labelled training examples of each class, mean of 5 choices",
        "few_label_accuracy_se": "standard error of few_label_accuracy over the choices; of no other test set",
        "k_nearest": "accuracy of the label that most of the 5 nearest training codes have; wide latents decide",
        "k_means_nmi": "normalised mutual information of labels and clusters of the test codes, as many as classes",
        "k_means_ari": "adjusted Rand index of the same, 0 by chance",
    }
    return Measure("representation", columns, of_each(_of_one))


def _of_one(key: Key, model: VAE, params: Params, held: Held) -> dict[str, Array | str]:
    train_labels, labels = held.both_labels
    train, test = (codes_of(model, params, examples) for examples in (held.train, held.test))
    known, size = (train, train_labels, test, labels), held.num_classes
    few_key, cluster_key = jax.random.split(key)

    def clusters() -> tuple[Array, Array]:
        found = metrics.k_means(cluster_key, test, size).labels
        return (
            metrics.normalized_mutual_information(labels, found, size),
            metrics.adjusted_rand_index(labels, found, size),
        )

    def few() -> tuple[Array, Array]:
        return metrics.few_label_accuracy(few_key, *known, repeats=REPEATS, num_classes=size)[:2]

    return {
        **tried(("linear_probe",), lambda: (metrics.linear_probe(*known, num_classes=size).accuracy,)),
        **tried(("few_label_accuracy", "few_label_accuracy_se"), few),
        **tried(("k_nearest",), lambda: (metrics.k_nearest_accuracy(*known, num_classes=size),)),
        **tried(("k_means_nmi", "k_means_ari"), clusters),
    }
