from collections.abc import Callable

import jax
import jax.numpy as jnp

from vaejax.families import COUNTS, factorised
from vaejax.numerics import require_number
from vaejax.types import Event, Family, Key, Number, Params, Parts, Shape, Stats

from ._counts import held_log_mean, negative_binomial_draw, negative_binomial_log_mass


def negative_binomial(dispersion: Number = 1.0) -> Family:
    """P(x) = Gamma(x + r) / (Gamma(r) x!) (r/(r + m))^r (m/(r + m))^x, m = exp(s), for x = 0, 1, 2, ...

    Stats: one row, the log mean (held in [-20, 20]). The variance is m + m^2/r: as the dispersion r grows it tends to
    `poisson`, in value too. r is what scvi-tools calls theta, the inverse dispersion. There is one learned r for each
    entry of an example (a gene), shared by all examples and started at `dispersion`; its log is the parameter, held in
    [-15, 20]. Float32 keeps its digits at large counts and at large and small r, where differences of log Gamma do not.
    With unequal depths: `nets.library_sized`. Lopez et al. (2018), doi:10.1038/s41592-018-0229-2 (scVI).

    >>> family = negative_binomial()
    >>> params = family.init(None, (3,))
    >>> jnp.exp(family.log_prob(params, jnp.zeros((1, 3)), jnp.arange(3.0))).round(4).tolist()  # 1/2, 1/4, 1/8
    [0.5, 0.25, 0.125]
    """

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        return negative_binomial_draw(key, held_log_mean(stats[0]), params["log_dispersion"])

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        return negative_binomial_log_mass(x, held_log_mean(stats[0]), params["log_dispersion"])

    def mean(params: Params, stats: Stats) -> Event:
        return jnp.exp(held_log_mean(stats[0]))

    init = _dispersion_of_each_entry("negative_binomial", dispersion)
    return factorised("negative_binomial", 1, sample, log_prob, mean, support=COUNTS, init=init)


def zero_inflated_negative_binomial(dispersion: Number = 1.0) -> Family:
    """P(x) = sigmoid(l) [x = 0] + sigmoid(-l) NB(x; m, r), m = exp(s), NB the `negative_binomial`.

    Stats: two rows, the log mean of the NB, s, and the logit of a zero that is none of its own, l. The mean is
    sigmoid(-l) m. Everything else is as in `negative_binomial`.
    Lopez et al. (2018), doi:10.1038/s41592-018-0229-2 (scVI); of single cells counted with unique identifiers, plain
    NB is mostly enough: Svensson (2020), doi:10.1038/s41587-019-0379-5.

    >>> family = zero_inflated_negative_binomial()
    >>> params = family.init(None, (3,))
    >>> jnp.exp(family.log_prob(params, jnp.zeros((2, 3)), jnp.arange(3.0))).round(4).tolist()  # 3/4, 1/8, 1/16
    [0.75, 0.125, 0.0625]
    """

    def sample(key: Key, params: Params, stats: Stats) -> Event:
        of_zero, of_count = jax.random.split(key)
        x = negative_binomial_draw(of_count, held_log_mean(stats[0]), params["log_dispersion"])
        return jnp.where(jax.random.bernoulli(of_zero, jax.nn.sigmoid(stats[1])), 0.0, x)

    def log_prob(params: Params, stats: Stats, x: Event) -> Parts:
        counted = negative_binomial_log_mass(x, held_log_mean(stats[0]), params["log_dispersion"])
        counted = counted + jax.nn.log_sigmoid(-stats[1])
        return jnp.where(x > 0, counted, jnp.logaddexp(jax.nn.log_sigmoid(stats[1]), counted))

    def mean(params: Params, stats: Stats) -> Event:
        return jax.nn.sigmoid(-stats[1]) * jnp.exp(held_log_mean(stats[0]))

    init = _dispersion_of_each_entry("zero_inflated_negative_binomial", dispersion)
    return factorised("zero_inflated_negative_binomial", 2, sample, log_prob, mean, support=COUNTS, init=init)


def _dispersion_of_each_entry(name: str, dispersion: Number) -> Callable[[Key | None, Shape], Params]:
    require_number(f"the first dispersion of a {name}", dispersion, above=0.0)

    def init(key: Key | None, shape: Shape) -> Params:
        return {"log_dispersion": jnp.full(shape, jnp.log(jnp.asarray(dispersion, float)))}

    return init
