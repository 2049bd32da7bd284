import jax
import jax.numpy as jnp

from vaejax.families import ONE_HOT, factorised
from vaejax.numerics import require_count, require_number, with_gradient_of
from vaejax.types import Event, Family, Key, Number, Params, Parts, Stats


def categorical(num_classes: Number = 8, temperature: Number = 1.0) -> Family:
    """q(z|x) = prod over latents of softmax(s)[z], z one-hot, `[latent, num_classes]`. Stats: one row, the logits.

    A sample is exactly one-hot: the largest of s + g, g Gumbel noise. Its gradient is that of softmax((s + g) /
    temperature), straight through. So every value, distortion, log q, rate and importance weight, is that of the
    discrete model, exactly, and only gradients are biased, less at a low temperature, where they are noisier. The
    temperature may be traced and scheduled. log q = sum z log softmax(s) is linear in z, and its gradient goes through
    z too: that path is the gradient of the entropy, as the score beside it has mean zero. `mean` is the probabilities.
    Jang, Gu and Poole (2017), arXiv:1611.01144; Maddison, Mnih and Teh (2017), arXiv:1611.00712.

    >>> z, log_q = categorical(4).sample(jax.random.key(0), (), jnp.zeros((1, 3, 4)))
    >>> z.sum(1).tolist(), log_q.shape
    ([1.0, 1.0, 1.0], (3,))
    """
    num = require_count("num_classes", num_classes, least=2)
    require_number("temperature", temperature, above=0.0)

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        noisy = stats[0] + jax.random.gumbel(key, stats.shape[1:], stats.dtype)  # latent first: fewer see the same
        below = noisy - jax.lax.stop_gradient(jnp.max(noisy, axis=-1, keepdims=True))  # at most 0: no overflow
        one_hot = jax.nn.one_hot(jnp.argmax(noisy, axis=-1), num, dtype=stats.dtype)
        return with_gradient_of(one_hot, jax.nn.softmax(below / temperature, axis=-1))

    return factorised("categorical", 1, sample, _log_prob, _mean, support=ONE_HOT, unit_shape=(num,))


def _log_prob(params: Params, stats: Stats, z: Event) -> Parts:
    return jnp.sum(z * jax.nn.log_softmax(stats[0], axis=-1), axis=-1)


def _mean(params: Params, stats: Stats) -> Event:
    return jax.nn.softmax(stats[0], axis=-1)
