from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vaejax.numerics import require_count
from vaejax.types import Key, Number, Scalar

from ._holes import Score


class Rejected(NamedTuple):
    """code: the first draw that passed, or the one of the lowest score where none did.

    score: of it. passed: whether it did. tries: draws up to it, all there may be where none passed.
    """

    code: Float[Array, " size"]
    score: Scalar
    passed: Bool[Array, ""]
    tries: Int[Array, ""]


def rejected(
    key: Key,
    draw: Callable[[Key], Float[Array, " size"]],
    score: Score,
    threshold: Number,
    *,
    num_tries: Number = 32,
) -> Rejected:
    """A code of `draw` given that its score is at most the threshold: the others are drawn again.

    With the prior and `hole_score` it is p(z) cut off in the holes, the resampled prior of Bauer and Mnih (2019),
    arXiv:1810.11428, whose acceptance is 0 or 1 and comes from a density ratio, where theirs is a network trained with
    the model. Weights within what passes stay those of `draw`. Bounded: where a share a of draws passes, (1 - a) to the
    power `num_tries` do not, and have `passed` false; look at how many. Cost: num_tries draws and scores, always;
    memory: one.

    >>> found = rejected(jax.random.key(0), lambda key: jax.random.normal(key, (1,)), lambda z: -z[0], 0.0)
    >>> bool(found.code[0] >= 0), bool(found.passed)
    (True, True)
    """
    num = require_count("num_tries", num_tries)

    def first(key: Key) -> Rejected:
        code = draw(key)
        found = score(code)
        return Rejected(code, found, found <= threshold, jnp.ones((), int))

    def again(best: Rejected, key: Key) -> tuple[Rejected, None]:
        other = first(key)
        better = ~best.passed & (other.passed | (other.score < best.score))
        tries = best.tries + jnp.where(best.passed, 0, 1)
        kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), other, best)
        return kept._replace(tries=tries), None

    keys = jax.random.split(key, num)
    return jax.lax.scan(again, first(keys[0]), keys[1:])[0]
