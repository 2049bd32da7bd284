import jax
import jax.numpy as jnp

from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Number, Params, Scalar

from ._types import Score, of_model


def rate(num_samples: Number = 16) -> Score:
    """KL(q(z|x) || p(z)), nats: how much the code of x says that the prior does not.

    Exact, whatever `num_samples`, where a closed form is known; the mean of so many draws where not, and in a ladder
    over the groups above. It sees nothing that the encoder does not. No decoding is needed.
    Raises: VaejaxError where `num_samples` is no whole number above 0.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.scores.scored(jax.random.key(1), model, params, rate(), (), jnp.zeros((5, 4))).shape
    (5,)
    """
    num = require_count("num_samples", num_samples)

    def of(key: Key, model: VAE, params: Params, example: Example) -> Scalar:
        rates = jax.vmap(lambda key: jnp.sum(model.sample(key, params, example).rate))(jax.random.split(key, num))
        return jnp.mean(rates)

    return of_model("rate", of, "a rate that is finite")
