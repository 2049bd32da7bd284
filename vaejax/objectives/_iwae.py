import jax
import jax.numpy as jnp

from vaejax.bound import Terms, each, terms
from vaejax.numerics import average, logmeanexp, require_count
from vaejax.objectives._traded import params_of_model
from vaejax.types import VAE, Bound, Example, Key, Number, Objective, Params


def iwae(num_samples: Number = 8) -> Objective:
    """E log 1/K sum_k p(x, z_k) / q(z_k|x), nats per example: a bound on log p(x) that rises with K.

    Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519. K shapes arrays: one program for each in a grid.
    Cost: K decodings. Distortion and rate are means over the K draws.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = iwae(5), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """
    num = require_count("num_samples", num_samples)

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        def one(key: Key, example: Example) -> Terms:
            return jax.vmap(lambda key: terms(key, model, params, example))(jax.random.split(key, num))

        found = each(one, key, batch)
        value = average(logmeanexp(found.log_weight, axis=1), batch.weight)
        distortion, rate = (average(jnp.mean(a, axis=1), batch.weight) for a in (found.distortion, found.rate))
        return Bound(value, distortion, rate)

    return Objective(
        params_of_model, evaluate, "E log 1/K sum_k p(x, z_k) / q(z_k|x), K = num_samples", {"num_samples": num}
    )
