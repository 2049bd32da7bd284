from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from vaejax.types import VAE, Example, Key, Params, Scalar

from ._log_likelihood import log_likelihood
from ._types import Score


def ensemble(score: Score) -> Score:
    """The mean of a score over members; `params` are those of `vj.ensemble`, `[member, ...]`.

    Each member knows normal data by itself, and all draw with the same key.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = jax.vmap(lambda key: vj.init(key, model, jnp.zeros((1, 4))))(jax.random.split(jax.random.key(0), 3))
    >>> vj.scores.scored(jax.random.key(1), model, params, ensemble(vj.scores.elbo()), (), jnp.zeros((5, 4))).shape
    (5,)
    """
    return _over(f"mean {score.name}", score, jnp.mean)


def disagreement(score: Score | None = None) -> Score:
    """The variance of a score, by default `log_likelihood()`, over members: what one seed knows and another does not.

    `params` are those of `vj.ensemble`. In nats squared, with the number of members less one below, and it has the
    noise of the draws in it: a few members tell it roughly. Choi, Jang and Alemi (2018), arXiv:1810.01392.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = jax.vmap(lambda key: vj.init(key, model, jnp.zeros((1, 4))))(jax.random.split(jax.random.key(0), 3))
    >>> bool((vj.scores.scored(jax.random.key(1), model, params, disagreement(), (), jnp.zeros((5, 4))) > 0).all())
    True
    """
    inner = score or log_likelihood()
    return _over(f"disagreement of {inner.name}", inner, _variance)


def waic(score: Score | None = None) -> Score:
    """Mean plus variance over members of -log p(x), by default `log_likelihood()`: minus their WAIC.

    Nats and nats squared are added as they stand, so that in many dimensions the variance is nearly all of it.
    Choi, Jang and Alemi (2018), arXiv:1810.01392, after Watanabe (2010). `params` are those of `vj.ensemble`.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = jax.vmap(lambda key: vj.init(key, model, jnp.zeros((1, 4))))(jax.random.split(jax.random.key(0), 3))
    >>> vj.scores.scored(jax.random.key(1), model, params, waic(), (), jnp.zeros((5, 4))).shape
    (5,)
    """
    inner = score or log_likelihood()
    return _over(f"waic of {inner.name}", inner, lambda found: jnp.mean(found) + _variance(found))


def _variance(found: Float[Array, " member"]) -> Scalar:
    return jnp.var(found, ddof=1)  # of one member it is NaN, and refused


def _over(name: str, score: Score, summary: Callable[[Float[Array, " member"]], Scalar]) -> Score:
    """A summary over members of what each gives."""

    def see(key: Key, model: VAE, params: Params, example: Example) -> PyTree:
        return jax.vmap(lambda one: score.see(key, model, one, example))(params)

    def fit(seen: PyTree) -> Params:
        return jax.vmap(score.fit, in_axes=1)(seen) if jax.tree.leaves(seen) else score.fit(seen)

    def of(key: Key, model: VAE, params: Params, fitted: Params, example: Example) -> Scalar:
        each: Callable[[Params, Params], Array] = lambda one, known: score.of(key, model, one, known, example)  # noqa: E731
        return summary(jax.vmap(each)(params, fitted))

    return Score(name, see, fit, of, f"{score.needs}; and two members or more, for a variance", score.at_once)
