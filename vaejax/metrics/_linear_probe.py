from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Float, Int

from vaejax.metrics._counting import num_values_of, varies
from vaejax.numerics import require_number
from vaejax.types import Number, Scalar

MOST_STEPS = 50  # of Newton; ten or so are enough
INNER_STEPS = 100  # of conjugate gradients in each
SMALLEST_STEP = 10  # halvings


class Probe(NamedTuple):
    """accuracy, log_loss: on the test codes; log_loss in nats per example. Logits are codes @ weights + bias.

    gradient: the largest entry of the mean gradient where the fit ended; it should be next to nothing.
    """

    accuracy: Scalar
    log_loss: Scalar
    weights: Float[Array, "latent class"]
    bias: Float[Array, " class"]
    gradient: Scalar


class Linear(NamedTuple):
    """Weights and bias of logits; also a step of them, and a gradient."""

    weights: Float[Array, "latent class"]
    bias: Float[Array, " class"]


def linear_probe(
    codes: Float[Array, "num latent"],
    labels: Int[Array, " num"],
    test_codes: Float[Array, "test latent"],
    test_labels: Int[Array, " test"],
    num_classes: int | None = None,
    l2: Number = 1.0,
) -> Probe:
    """argmin_W,b -sum_i log softmax(z_i W + b)[y_i] + l2/2 |W|^2, and its accuracy on other codes.

    Multinomial logistic regression as scikit-learn's `LogisticRegression(C=1 / l2)`, to the last digits: the sum, not
    the mean, over examples, and no penalty on b. Newton steps by conjugate gradients, each as long as of 1, 1/2, 1/4,
    ... lowers the loss most, until the gradient is that of rounding; there is one minimum and no randomness. Codes are
    used as they are: the penalty depends on their scale, and dividing by the spread would blow up the noise of a latent
    that collapsed. At l2 = 0 the weights of separable classes have no end. Cost: some ten steps of up to a hundred
    passes over the codes.
    Raises: VaejaxError where a label or l2 is known and out of range, and inside `jit` without `num_classes`.

    >>> codes = jnp.array([[0.0], [1.0], [2.0], [3.0]])
    >>> labels = jnp.array([0, 0, 1, 1])
    >>> linear_probe(codes, labels, codes, labels).accuracy.item()
    1.0
    """
    size = num_values_of("labels", labels, num_classes, "num_classes")
    require_number("l2", l2, least=0.0)
    fitted, gradient = fit_logistic(codes, labels, jnp.ones(len(codes), codes.dtype), size, l2)
    log_prob = jax.nn.log_softmax(test_codes @ fitted.weights + fitted.bias[None])
    log_loss = -jnp.mean(jnp.take_along_axis(log_prob, test_labels[:, None], axis=1))
    accuracy = jnp.mean((jnp.argmax(log_prob, axis=1) == test_labels).astype(codes.dtype))
    return Probe(accuracy, log_loss, fitted.weights, fitted.bias, gradient)


def fit_logistic(
    codes: Float[Array, "num latent"], labels: Int[Array, " num"], weight: Float[Array, " num"], size: int, l2: Number
) -> tuple[Linear, Scalar]:
    """Weights, bias, and the largest entry of the mean gradient; an example counts `weight`."""
    spread = jnp.where(varies(codes), jnp.std(codes, axis=0), 1.0)
    middle = jnp.mean(codes, axis=0)
    x = (codes - middle[None]) / spread[None]  # the same minimum in other units: its Hessian is better conditioned
    penalty = (l2 / spread**2)[:, None].astype(codes.dtype)
    target = jax.nn.one_hot(labels, size, dtype=codes.dtype)
    total = jnp.sum(weight)

    def logits(at: Linear) -> Float[Array, "num class"]:
        return x @ at.weights + at.bias[None]

    def loss(at: Linear) -> Scalar:
        costs = weight * -jnp.sum(target * jax.nn.log_softmax(logits(at)), axis=1)
        return (jnp.sum(costs) + 0.5 * jnp.sum(penalty * at.weights**2)) / total

    def pulled(errors: Float[Array, "num class"], at: Linear) -> Linear:
        errors = errors * weight[:, None]
        return Linear((x.T @ errors + penalty * at.weights) / total, jnp.sum(errors, axis=0) / total)

    def step(carry: tuple[Array, Linear, Linear, Array]) -> tuple[Array, Linear, Linear, Array]:
        index, at, gradient, _ = carry
        p = jax.nn.softmax(logits(at))

        def curvature(direction: Linear) -> Linear:
            s = logits(direction)
            return pulled(p * (s - jnp.sum(p * s, axis=1, keepdims=True)), direction)

        newton = cg(curvature, gradient, tol=1e-6, maxiter=INNER_STEPS)[0]
        lengths = jnp.append(0.5 ** jnp.arange(SMALLEST_STEP), 0.0).astype(codes.dtype)
        tried = jax.lax.map(lambda length: loss(_moved(at, newton, length)), lengths)
        length = lengths[jnp.argmin(tried)]
        at = _moved(at, newton, length)
        return index + 1, at, pulled(jax.nn.softmax(logits(at)) - target, at), length > 0

    def unfinished(carry: tuple[Array, Linear, Linear, Array]) -> Array:
        index, _, gradient, moves = carry  # where no step lowers the loss, all that would follow are that one again
        return (index < MOST_STEPS) & moves & (_largest(gradient) > 10 * jnp.finfo(codes.dtype).eps)

    start = Linear(jnp.zeros((codes.shape[1], size), codes.dtype), jnp.zeros(size, codes.dtype))
    first = pulled(jax.nn.softmax(logits(start)) - target, start)
    begun = (jnp.zeros((), int), start, first, jnp.array(True))
    _, at, gradient, _ = jax.lax.while_loop(unfinished, step, begun)
    weights = at.weights / spread[:, None]
    bias = at.bias - middle @ weights
    return Linear(weights, bias - jnp.mean(bias)), _largest(gradient)  # a shift of all logits changes nothing


def _moved(at: Linear, direction: Linear, length: Scalar) -> Linear:
    return jax.tree.map(lambda a, d: a - length * d, at, direction)


def _largest(gradient: Linear) -> Scalar:
    return jnp.maximum(jnp.max(jnp.abs(gradient.weights), initial=0.0), jnp.max(jnp.abs(gradient.bias)))
