from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vaejax.metrics._boosted_stumps import Boosted, boosted_stumps
from vaejax.metrics._counting import mean_where, num_values_of, varies
from vaejax.numerics import require_count, require_number
from vaejax.types import Number, Scalar


class Dci(NamedTuple):
    """Three numbers from 0 to 1, and what they are made of.

    informativeness: the mean accuracy over factors, on the test codes. importance: columns sum to one, or to zero where
    nothing helped. accuracy, train_accuracy: of each factor.
    """

    disentanglement: Scalar
    completeness: Scalar
    informativeness: Scalar
    importance: Float[Array, "latent factor"]
    accuracy: Float[Array, " factor"]
    train_accuracy: Float[Array, " factor"]


def dci(
    codes: Float[Array, "num latent"],
    factors: Int[Array, "num factor"],
    test_codes: Float[Array, "test latent"],
    test_factors: Int[Array, "test factor"],
    num_values: int | None = None,
    num_rounds: int = 50,
    num_bins: int = 64,
    rate: Number = 0.3,
) -> Dci:
    """D = sum_l rho_l (1 - H_F(R_l)), C = sum_f rho_f (1 - H_L(R_f)) of an importance matrix R, and an accuracy.

    H to the base of the number of factors, or of latents that vary; rho: the share of a row, or a column, in R.
    Eastwood and Williams (2018), "A framework for the quantitative evaluation of disentangled representations",
    weighted as by Locatello et al. (2019), arXiv:1811.12359.

    R depends on the regressor: here for each factor gradient boosting of stumps on `num_bins` bins of equally many
    training codes, R the share of each latent in what the loss fell by, where latents that are equally good share
    alike: codes that hold each of F factors twice have C = 1 - log 2 / log 2F. It uses any function of a latent but no
    interaction of two: a factor that only two latents together tell has a low accuracy, and where that is low D and C
    say little. The study takes scikit-learn's boosted trees of depth 3, Eastwood and Williams a lasso or a forest:
    numbers of the three are not to be compared, though R of mixtures correlated by 0.97 to 0.99 with that of the trees,
    and by 0.84 to 0.94 in ranks, as latents that hardly matter swap places. Bias: R of noise is spread evenly; its D
    and C are small, not 0.

    Constant latents, and factors constant in training, are left out. Memory: N x latent x num_bins.
    Raises: VaejaxError where a factor is known and out of range, and inside `jit` without `num_values`.

    >>> factors = jnp.tile(jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]]), (5, 1))
    >>> found = dci(factors.astype(float), factors, factors.astype(float), factors)
    >>> found.disentanglement.item(), found.completeness.item(), found.informativeness.item()
    (1.0, 1.0, 1.0)
    """
    size, num_bins = num_values_of("factors", factors, num_values), require_count("num_bins", num_bins, least=2)
    num_rounds = require_count("num_rounds", num_rounds)
    require_number("rate", rate, above=0.0, most=1.0)
    edges = jnp.quantile(codes, jnp.arange(1, num_bins) / num_bins, axis=0)
    bins, test_bins = (_placed(edges, values) for values in (codes, test_codes))

    def of_factor(pair: tuple[Int[Array, " num"], Int[Array, " test"]]) -> Boosted:
        return boosted_stumps(bins, pair[0], test_bins, pair[1], size, num_bins, num_rounds, rate)

    found = jax.lax.map(of_factor, (factors.T, test_factors.T))
    latents, counted = varies(codes), varies(factors)
    gain = jnp.where(latents[:, None] & counted[None], found.gain.T, 0.0)
    total = jnp.sum(gain, axis=0, keepdims=True)
    importance = gain / jnp.where(total > 0, total, 1.0)
    return Dci(
        _purity(importance, counted),
        _purity(importance.T, latents),
        mean_where(found.accuracy, counted),
        importance,
        found.accuracy,
        found.train_accuracy,
    )


def _placed(edges: Float[Array, "edge latent"], codes: Float[Array, "num latent"]) -> Int[Array, "num latent"]:
    return jax.vmap(lambda e, c: jnp.searchsorted(e, c, side="right"), 1, 1)(edges, codes)


def _purity(r: Float[Array, "row column"], counted: Bool[Array, " column"]) -> Scalar:
    """The mean over rows, weighted by their sums, of 1 - entropy / log of the columns that count."""
    mass = jnp.sum(r, axis=1)
    p = r / jnp.where(mass > 0, mass, 1.0)[:, None]
    entropies = -jnp.sum(p * jnp.log(jnp.where(p > 0, p, 1.0)), axis=1)
    most = jnp.log(jnp.maximum(jnp.sum(counted), 2).astype(r.dtype))
    return jnp.sum(mass * (1 - entropies / most)) / jnp.maximum(jnp.sum(mass), jnp.finfo(r.dtype).tiny)
