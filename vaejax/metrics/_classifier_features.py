from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Integer

from vaejax import nets
from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import Key, NetBuilder, Number, Params, Scalar

from ._features import Features

AT_ONCE = 256  # examples that go through the network


class Classifier(NamedTuple):
    """features: what the last layer is given, `[num, *event] -> [num, num_features]`.

    accuracy: the part of held-out examples that it classifies rightly: say it wherever the features are used.
    standard_error: of the accuracy, from the number of those.
    """

    features: Features
    accuracy: Scalar
    standard_error: Scalar


def classifier_features(
    key: Key,
    optimizer: Any,
    train: tuple[Float[Array, "num *event"], Integer[Array, " num"]],
    held_out: tuple[Float[Array, "other *event"], Integer[Array, " other"]],
    net: NetBuilder | None = None,
    *,
    num_features: Number = 32,
    num_steps: Number = 1000,
    batch_size: Number = 128,
) -> Classifier:
    """Features of a small classifier of the data set's own labels: `net`, by default `nets.mlp(128)`, to num_features
    numbers, and a linear layer from them to the classes, trained by cross-entropy on batches drawn with replacement.

    train, held_out: examples and their classes, 0, 1, ...; test images are no business of it. optimizer: any optax
    transformation, like `optax.adam(1e-3)`. Features see what tells classes apart and little else: distances in them
    are blind to the rest, and compare only between models that were measured with this very classifier.
    It trains when it is called, in half a minute or less; `jax.jit` of a function without arguments that calls it
    compiles it as one program. Raises: VaejaxError where a class is below 0, or rows differ.

    >>> import optax
    >>> x = jax.random.uniform(jax.random.key(0), (200, 4))
    >>> labels = (x[:, 0] > 0.5).astype(int)
    >>> both = (x[:100], labels[:100]), (x[100:], labels[100:])
    >>> found = classifier_features(jax.random.key(1), optax.adam(1e-2), *both, num_features=3, num_steps=200)
    >>> found.features(x).shape, bool(found.accuracy > 0.8)
    ((200, 3), True)
    """
    x, labels = train
    for examples, classes in (train, held_out):
        if len(examples) != len(classes) or not len(classes) or int(np.asarray(classes).min()) < 0:
            raise VaejaxError(f"expected a class from 0 for each of {len(examples)} examples, got {classes.shape}")
    num_features, num_classes = require_count("num_features", num_features), int(np.asarray(labels).max()) + 1
    num_steps, batch_size = require_count("num_steps", num_steps), require_count("batch_size", batch_size)
    trunk, head = (net or nets.mlp(128))((num_features,)), nets.mlp()((num_classes,))
    of_trunk, of_head, of_steps = jax.random.split(key, 3)
    params = {
        "trunk": trunk.init(of_trunk, x[0], jnp.ones(num_features)),
        "head": head.init(of_head, jnp.ones(num_features), jnp.ones(num_classes)),
    }

    def loss(params: Params, key: Key) -> Scalar:
        which, dropped = jax.random.split(key)
        rows = jax.random.randint(which, (batch_size,), 0, len(x))

        def one(key: Key, example: Array, label: Array) -> Scalar:
            codes = trunk.apply(params["trunk"], example, key)
            return -jax.nn.log_softmax(head.apply(params["head"], codes, None))[label]

        return jnp.mean(jax.vmap(one)(jax.random.split(dropped, batch_size), x[rows], labels[rows]))

    def step(carry: tuple[Params, Any], key: Key) -> tuple[tuple[Params, Any], None]:
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params, key), state, params)
        return (jax.tree.map(jnp.add, params, updates), state), None

    (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), jax.random.split(of_steps, num_steps))

    def features(trunk_params: Params, x: Array) -> Array:
        return jax.lax.map(lambda one: trunk.apply(trunk_params, one, None), x, batch_size=AT_ONCE)

    found = Partial(features, params["trunk"])
    scores = jax.vmap(lambda codes: head.apply(params["head"], codes, None))(found(held_out[0]))
    accuracy = jnp.mean(jnp.argmax(scores, axis=1) == held_out[1])
    return Classifier(found, accuracy, jnp.sqrt(accuracy * (1 - accuracy) / len(scores)))
