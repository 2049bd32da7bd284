import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from vaejax.bound import Terms, each, held_log_posterior, log_weight, terms_of
from vaejax.numerics import average, logmeanexp, require_count, scale_gradient, with_gradient_of
from vaejax.objectives._traded import params_of_model
from vaejax.types import VAE, Bound, Draw, Example, Key, Number, Objective, Params, Scalar


def dreg(num_samples: Number = 8) -> Objective:
    """E log 1/K sum_k p(x, z_k) / q(z_k|x), nats per example: `iwae`, to the number, with a less noisy gradient of q.

    By z_k the log weight counts w_k^2, w the normalised weights, and the score of q is left out; p has the gradient of
    `iwae`. The expectation is that of the gradient of `iwae`, and its signal does not drown as K grows. With one
    sample it is `stl`. Tucker et al. (2019), arXiv:1810.04152: doubly reparameterised. K shapes arrays: one program
    for each in a grid. Cost: K decodings; where nothing is compiled, 2 K.
    Raises: VaejaxError, in `evaluate`, where q has a density only along its samples.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> batch, key = vj.Example(jnp.zeros((3, 4))), jax.random.key(1)
    >>> params = model.init(jax.random.key(0), batch)
    >>> bound, plain = (made(5).evaluate(key, model, params, batch) for made in (dreg, vj.objectives.iwae))
    >>> bool(jnp.allclose(bound.value, plain.value))
    True
    """
    num = require_count("num_samples", num_samples)

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        def one(key: Key, example: Example) -> tuple[Terms, Scalar]:
            draws = jax.vmap(lambda key: model.sample(key, params, example))(jax.random.split(key, num))
            found = jax.vmap(lambda draw: terms_of(model, params, example, draw))(draws)
            weights = stop_gradient(jax.nn.softmax(found.log_weight))

            def again(weight: Scalar, draw: Draw) -> Scalar:
                z = scale_gradient(draw.z, weight)  # with the weight of the sum below it is the square
                return log_weight(model, params, example, z, held_log_posterior("dreg", model, params, example, z))

            return found, weights @ jax.vmap(again)(weights, draws)

        found, surrogate = each(one, key, batch)
        value = average(logmeanexp(found.log_weight, axis=1), batch.weight)
        distortion, rate = (average(jnp.mean(a, axis=1), batch.weight) for a in (found.distortion, found.rate))
        return Bound(with_gradient_of(value, average(surrogate, batch.weight)), distortion, rate)

    formula = "E log 1/K sum_k p(x, z_k) / q(z_k|x), K = num_samples, gradient doubly reparameterised"
    return Objective(params_of_model, evaluate, formula, {"num_samples": num})
