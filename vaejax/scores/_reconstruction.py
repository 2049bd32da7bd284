import jax.numpy as jnp

from vaejax.types import VAE, Example, Key, Number, Params, Scalar
from vaejax.verbs import reconstruct

from ._types import Score, of_draws, of_model


def reconstruction(num_samples: Number = 16) -> Score:
    """-E_q log p(x|z), the distortion, in nats and from `num_samples` draws.

    The "reconstruction probability" of An and Cho (2015), SNU Data Mining Center.
    Cost: that many decodings, rounded up to 16. Raises: VaejaxError where `num_samples` is below 1.

    >>> import jax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.scores.scored(jax.random.key(1), model, params, reconstruction(), (), jnp.zeros((5, 4))).shape
    (5,)
    """
    return of_draws("reconstruction", num_samples, lambda found: found.distortion, "log p(x|z) that is finite")


def squared_error() -> Score:
    """|x - E p(x|z)|^2 at the mean z of q(z|x), summed over what was observed, in squared units of x.

    What PCA gives as an anomaly score, of an autoencoder; no noise, one encoding and one decoding.
    Not for data whose squares mean nothing, like one-hot ones.

    >>> import jax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.scores.scored(jax.random.key(1), model, params, squared_error(), (), jnp.zeros((5, 4))).shape
    (5,)
    """

    def of(key: Key, model: VAE, params: Params, example: Example) -> Scalar:
        error = jnp.square(example.x - reconstruct(model, params, example))
        return jnp.sum(error if example.observed is None else jnp.where(example.observed, error, 0.0))

    return of_model("squared_error", of, "a mean of p(x|z) that is finite")
