import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from vaejax import metrics
from vaejax.errors import VaejaxError
from vaejax.grid import examples_at_once
from vaejax.numerics import require_count
from vaejax.types import VAE, Key, Number, Params

from ._codes import require_density
from ._held import Held
from ._mapped import by_rows, of_each, tried
from ._types import Measure, Members, Values

if TYPE_CHECKING:
    import xarray as xr

MOST = 0.1  # of the examples whose estimate may be doubtful without a word
NEAR = 0.005  # of the best bound: the members that matter are those that lose no more


def likelihood(num_samples: Number | None = None) -> Measure:
    """The importance-weighted log likelihood again, and whether it is to be trusted: `vj.metrics.reliability`.

    num_samples: draws of z; by default as many as in the table, and then they are the same draws of the same examples.

    >>> list(likelihood().columns)
    ['trusted', 'pareto_k', 'ess', 'log_likelihood_held', 'log_likelihood_held_se', 'bits_per_dimension']
    """
    num = None if num_samples is None else require_count("num_samples", num_samples)
    told = "attrs['num_samples']" if num is None else num
    columns = {
        "trusted": f"part of the held examples whose Pareto k is below its limit, of K = {told} draws of z each",
        "pareto_k": "the tail of the importance weights of an example, the median of the held examples",
        "ess": "effective number of the K draws of an example, the mean of the held examples",
        "log_likelihood_held": f"log 1/K sum_k p(x, z_k) / q(z_k|x), K = {told}, the held examples alone, nats per "
        "example; biased downwards, by more where it is not trusted",
        "log_likelihood_held_se": "standard error of log_likelihood_held over examples, nats",
        "bits_per_dimension": "-log_likelihood_held in bits per entry of x, an upper bound in expectation",
    }

    def of(members: Members) -> Values:
        require_density(members)
        return of_each(functools.partial(_of_one, num or members.held.num_samples))(members)

    return Measure("likelihood", columns, of, warns=functools.partial(_warnings, num))


def _of_one(num_samples: int, key: Key, model: VAE, params: Params, held: Held) -> dict[str, Array | str]:
    def one(draw_key: Key, example):
        found = metrics.reliability(draw_key, model, params, example, num_samples)
        return found, found.trusted

    found, trusted = by_rows(one, held.keys, held.test, at_once=min(examples_at_once(model), len(held.keys)))
    mean, num = jnp.mean(found.log_likelihood), len(held.keys)
    error = jnp.std(found.log_likelihood, ddof=1) / jnp.sqrt(num) if num > 1 else jnp.array(jnp.nan)
    return {
        "trusted": jnp.mean(trusted),
        "pareto_k": jnp.median(found.pareto_k),
        "ess": jnp.mean(found.ess),
        "log_likelihood_held": mean,
        "log_likelihood_held_se": error,
        **tried(("bits_per_dimension",), lambda: (_bits(model, mean),)),
    }


def _bits(model: VAE, log_likelihood: Array) -> Array:
    if model.likelihood.support.levels is None:
        raise VaejaxError(f"{model.likelihood.name} is a density, whose bits depend on the units of x")
    return metrics.bits_per_dimension(log_likelihood, math.prod(model.data_shape))


def _warnings(num_samples: int | None, table: "xr.Dataset") -> Sequence[str]:
    """One sentence, where the likelihood of a member whose bound is near the best is doubtful for many examples."""
    bounds, trusted = table["elbo_validation"].values, table["trusted"].values
    known = np.isfinite(bounds) & np.isfinite(trusted)
    if not known.any():
        return ()
    best = bounds[known].max()
    near = known & (bounds >= best - NEAR * abs(best))
    doubtful = near & (trusted < 1 - MOST)
    if not doubtful.any():
        return ()
    worst = 1 - trusted[doubtful].min()
    whose = "the best member" if near.sum() == 1 else f"{doubtful.sum()} of the {near.sum()} best members"
    return (
        f"The log likelihood of {whose} is not to be trusted with "
        f"{num_samples or table.attrs['num_samples']} draws: for up to {100 * worst:.0f}% of the examples a few draws "
        "carry all the weight (Pareto k). It is almost surely higher; draw more, or compare bounds.",
    )
