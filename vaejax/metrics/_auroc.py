from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from vaejax.types import Number, Scalar

from ._standing import groups_of, standing


class Auroc(NamedTuple):
    """value: from 0 to 1, chance is 1/2. standard_error: DeLong's, over both samples of examples."""

    value: Scalar
    standard_error: Scalar

    def interval(self, width: Number = 1.96) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """So many standard errors to each side on the scale of log odds, which keeps it within 0 and 1.

        At a value of 0 or 1 the error is 0 and the interval a point, which claims too much.
        """
        spread = self.value * (1 - self.value)
        odds = jnp.log(self.value) - jnp.log1p(-self.value)
        reach = jnp.where(spread > 0, width * self.standard_error / jnp.where(spread > 0, spread, 1.0), 0.0)
        return jax.nn.sigmoid(odds - reach), jax.nn.sigmoid(odds + reach)


def auroc(scores: ArrayLike, anomalous: ArrayLike) -> Auroc:
    """P(a > n) + P(a = n) / 2 for the score a of an anomalous and n of a normal example: the area under the ROC curve.

    scores, anomalous: `[num]`, the latter 1 or True where an example is. Larger scores are the more
    anomalous; 1/2 is chance, and below it a score is better turned round. It does not depend on how many of either kind
    there are, nor on any threshold.
    Standard error: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, from the spread of each example's own
    share. Of two scores on the same examples it is far too large for their difference: use `bootstrap` of that.
    Exact at ties. Cost: two sorts. Raises: VaejaxError where scores and labels are not one of each, one is NaN, or
    there is one kind alone; inside `jit` the latter is NaN.

    >>> auroc(jnp.array([0.1, 0.4, 0.35, 0.8]), jnp.array([0, 0, 1, 1])).value.item()
    0.75
    """
    scores, anomalous = groups_of("auroc", scores, anomalous)
    normal = standing(scores, ~anomalous)
    others = standing(scores, anomalous)
    num_anomalous, num_normal = jnp.sum(anomalous), jnp.sum(~anomalous)
    of_anomalous = (normal.below + normal.not_above) / (2 * num_normal)
    of_normal = 1 - (others.below + others.not_above) / (2 * num_anomalous)
    value = _mean(of_anomalous, anomalous)
    variances = (
        _mean(jnp.square(share - value), group) / jnp.maximum(jnp.sum(group) - 1, 1)
        for share, group in ((of_anomalous, anomalous), (of_normal, ~anomalous))
    )
    return Auroc(value, jnp.sqrt(sum(variances, jnp.zeros(()))))


def _mean(values: Array, group: Array) -> Scalar:
    return jnp.sum(jnp.where(group, values, 0.0)) / jnp.sum(group)
