from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count, require_number
from vaejax.types import Key, Number


class Bootstrapped(NamedTuple):
    """value: of the examples themselves. standard_error, low, high: of resamples; low to high holds `level` of them."""

    value: Array
    standard_error: Array
    low: Array
    high: Array


def bootstrap(
    key: Key,
    statistic: Callable[..., Array],
    *arrays: PyTree,
    strata: Int[Array, " num"] | None = None,
    num_resamples: Number = 1000,
    level: Number = 0.95,
) -> Bootstrapped:
    """`statistic(*arrays)` and how it spreads where examples, rows of all arrays alike, are drawn again and again.

    As many examples with replacement, `num_resamples` times; quantiles of what comes are the interval (percentile
    bootstrap; Efron 1979). strata: the group of each example, and as many are drawn from each group as there are:
    with labels, each resample has both kinds. Two scores on the same examples are compared by a statistic of both,
    `lambda a, b, labels: auroc(a, labels).value - auroc(b, labels).value`, which knows that they share the examples.
    It is of the examples alone: what another seed or another training set would change is not in it. Too narrow for a
    dozen examples, and not for statistics like a maximum, or of nearest neighbours, which copies change.
    The statistic is a pure function to an array; it goes through resamples one after another, and memory does not grow
    with their number.
    Raises: VaejaxError where arrays have different numbers of rows, or a number is out of range.

    >>> found = bootstrap(jax.random.key(0), jnp.mean, jnp.arange(100.0), num_resamples=200)
    >>> found.value.item(), bool(found.low < 49.5 < found.high)
    (49.5, True)
    """
    num_resamples = require_count("num_resamples", num_resamples, least=2)
    require_number("level", level, above=0.0, most=1.0)
    leaves = jax.tree.leaves((arrays, strata))
    sizes = {jnp.shape(leaf)[:1] for leaf in leaves}
    if len(sizes) != 1 or sizes == {()} or sizes == {(0,)}:
        raise VaejaxError(f"bootstrap needs arrays of one row for each example, got {[jnp.shape(a) for a in leaves]}")
    num = len(leaves[0])
    strata = jnp.zeros(num, int) if strata is None else jnp.asarray(strata)
    order = jnp.argsort(strata)
    first, last = (jnp.searchsorted(strata[order], strata[order], side=side) for side in ("left", "right"))

    def one(key: Key) -> Any:
        rows = order[jax.random.randint(key, (num,), first, last)]
        return statistic(*jax.tree.map(lambda leaf: jnp.asarray(leaf)[rows], arrays))

    found = jax.lax.map(one, jax.random.split(key, num_resamples))
    low, high = (jnp.quantile(found, (1 + sign * level) / 2, axis=0) for sign in (-1, 1))
    return Bootstrapped(statistic(*arrays), jnp.std(found, axis=0, ddof=1), low, high)
