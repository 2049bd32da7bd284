from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from vaejax.metrics._counting import tables
from vaejax.metrics._fixing import Fixing
from vaejax.numerics import require_number
from vaejax.types import Key, Number, Scalar

AT_ONCE = 256  # groups of codes in memory


class FactorVaeScore(NamedTuple):
    """accuracy: on votes that the majority was not made from. train_accuracy: on those it was.

    votes: of the training, how often a latent varied least where a factor was fixed.
    """

    accuracy: Scalar
    train_accuracy: Scalar
    votes: Float[Array, "latent factor"]


def factor_vae_score(
    key: Key,
    source: Fixing,
    num_votes: int = 10_000,
    num_test_votes: int = 5_000,
    group_size: int = 64,
    least_spread: Number = 0.05,
) -> FactorVaeScore:
    """How well the latent that varies least in a group of codes names the factor that was fixed in it, 1/F to 1.

    A vote: a factor at random, `group_size` codes that share a value of it, and argmin_l var_l(group) / var_l(all). A
    latent names the factor that it got most votes for. Kim and Mnih (2018), arXiv:1802.05983, with the numbers of
    votes, the test votes and the pruning of Locatello et al. (2019), arXiv:1811.12359: latents whose standard deviation
    over all codes is below `least_spread` get no vote. Where that leaves none the score is 0, as nothing is encoded.

    Known bias: chance is 1/F and noise scores a little more; a rotation of all factors need not score low; a latent
    that knows two factors is not punished. The standard error of 5,000 votes is at most 0.007.

    >>> import vaejax as vj
    >>> factors = jnp.stack(jnp.meshgrid(*[jnp.arange(8)] * 2), axis=-1).reshape(-1, 2)
    >>> source = vj.metrics.fixing(factors.astype(float), factors)
    >>> factor_vae_score(jax.random.key(0), source, 100, 100).accuracy.item()
    1.0
    """
    require_number("least_spread", least_spread, least=0.0)
    spread = jnp.std(source.codes, axis=0)
    counted = (spread >= least_spread) & (spread > 0)

    def vote(index: Array) -> tuple[Array, Array]:
        factor_key, group_key = jax.random.split(jax.random.fold_in(key, index))
        factor = jax.random.randint(factor_key, (), 0, source.num_factors)
        group = source.share(group_key, factor, group_size)
        return _steadiest(group, spread, counted), factor

    steadiest, factor = jax.lax.map(vote, jnp.arange(num_votes + num_test_votes), batch_size=AT_ONCE)
    known = steadiest[:num_votes, None], factor[:num_votes, None]
    votes = tables(*known, len(spread), source.num_factors)[0, 0]
    right = (jnp.argmax(votes, axis=1)[steadiest] == factor) & jnp.any(counted)
    accuracy = jnp.mean(right[num_votes:].astype(spread.dtype))
    return FactorVaeScore(accuracy, jnp.mean(right[:num_votes].astype(spread.dtype)), votes)


def _steadiest(
    group: Float[Array, "num latent"], spread: Float[Array, " latent"], counted: Bool[Array, " latent"]
) -> Int[Array, ""]:
    ratio = jnp.var(group, axis=0) / jnp.where(counted, spread, 1.0) ** 2
    return jnp.argmin(jnp.where(counted, ratio, jnp.inf))
