import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.types import VAE, Example, Key, Number, Params, Scalar

from ._log_likelihood import log_likelihood
from ._types import Score


def typicality(num_samples: Number = 64) -> Score:
    """|-log p(x) - its mean over normal data|, nats: too likely is as strange as too unlikely.

    In many dimensions draws of a law do not lie where its density is highest. Nalisnick et al. (2019),
    arXiv:1906.02994, for one example (theirs is a test of batches). log p(x) is importance-weighted, of `num_samples`
    draws, as in `log_likelihood`; where anomalies are never too likely it is that score made worse, by the most likely
    of the normal examples. Normal data must be held out: those trained on are more likely than others.
    Raises: VaejaxError where `num_samples` is below 1.

    >>> import jax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.scores.fit(jax.random.key(1), model, params, typicality(), jnp.zeros((5, 4))).shape
    ()
    """
    unlikely = log_likelihood(num_samples)

    def see(key: Key, model: VAE, params: Params, example: Example) -> Scalar:
        return unlikely.of(key, model, params, (), example)

    def fit(seen: Float[Array, " num"]) -> Scalar:
        return jnp.mean(seen)

    def of(key: Key, model: VAE, params: Params, fitted: Params, example: Example) -> Scalar:
        return jnp.abs(see(key, model, params, example) - fitted)

    return Score("typicality", see, fit, of, unlikely.needs, unlikely.at_once)
