import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def active_units(means: Float[Array, "num latent *unit"], threshold: float = 0.01) -> Int[Array, ""]:
    """The number of latents with Var_x(E_q[z|x]) > threshold, from the posterior means of a data set.

    A latent of several numbers, a one-hot or a code, is one: its variance is the sum of theirs.
    Burda et al. (2016), arXiv:1509.00519, section 5.2.

    >>> int(active_units(jnp.array([[0.0, 1.0], [0.0, -1.0]])))
    1
    """
    variance = jnp.var(means, axis=0, ddof=1)
    return jnp.sum(jnp.sum(variance, axis=tuple(range(1, variance.ndim))) > threshold)
