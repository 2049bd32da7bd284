import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from vaejax.types import Number


def active_units(means: Float[Array, "num latent *unit"], threshold: Number = 0.01) -> Int[Array, ""]:
    """The number of latents with Var_x(E_q[z|x]) > threshold, from the posterior means of a data set.

    A latent of several numbers, a one-hot or a code, is one: its variance is the sum of theirs.
    Burda et al. (2016), arXiv:1509.00519, section 5.2.

    >>> int(active_units(jnp.array([[0.0, 1.0], [0.0, -1.0]])))
    1
    """
    variance = jnp.var(means, axis=0, ddof=1)
    return jnp.sum(jnp.sum(variance, axis=tuple(range(1, variance.ndim))) > threshold)


def active_units_by_rate(rates: Float[Array, "num latent"], threshold: Number = 0.01) -> Int[Array, ""]:
    """The number of latents whose mean rate, E_x KL(q(z_l|x) || p(z_l)), is above `threshold` nats.

    rates: of each example and latent, as `vj.sample(...).rate` gives them where both factorise. The units of the
    threshold are nats, so unlike `active_units` it does not depend on the scale of z, and a latent that is all noise
    but not the noise of the prior counts. At the optimum of the ELBO both say the same of a latent that is not used.

    >>> int(active_units_by_rate(jnp.array([[0.0, 1.0], [0.001, 3.0]])))
    1
    """
    return jnp.sum(jnp.mean(rates, axis=0) > threshold)
