import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax import divergences
from vaejax.numerics import require_count
from vaejax.types import VAE, Draw, Example, Key, Latent, Number, Params, Parts


def vamp(model: VAE, num_components: Number = 50) -> VAE:
    """p(z) = sum_k w_k q(z|u_k): the posterior of `num_components` learned pseudo-inputs u_k is the prior.

    u_k start as examples of the first batch, and the weights as equal. Where x lies in an interval, u_k are cut off at
    its ends. The rate is log q - log p at one z, in one part; a prior that `model` has is not used. Of a masked model
    it is the prior on the latents in use. Cost: an encoding of every u_k, once for a batch where there is no context.
    Tomczak and Welling (2018), arXiv:1705.07120.

    Raises: VaejaxError, in use, where q has no density at a free point.

    >>> import vaejax as vj
    >>> model = vamp(vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2), 3)
    >>> params = vj.init(jax.random.key(0), model, jnp.ones((5, 4)))
    >>> params["prior"]["inputs"].shape
    (3, 4)
    """
    num = require_count("num_components", num_components)
    low, high = model.likelihood.support.low, model.likelihood.support.high

    def init(key: Key, batch: Example) -> Params:
        pick, rest = jax.random.split(key)
        rows = jax.random.permutation(pick, jnp.arange(len(batch.x)))
        chosen = batch.x[rows[jnp.arange(num) % len(batch.x)]]
        return {**model.init(rest, batch), "prior": {"inputs": chosen, "logits": jnp.zeros(num)}}

    def inputs_of(params: Params) -> Float[Array, "components *event"]:
        return jnp.clip(params["prior"]["inputs"], low, high)

    def log_prior(params: Params, z: Latent, example: Example) -> Parts:
        def log_q(pseudo_input: Array) -> Array:
            return jnp.sum(model.log_posterior(params, z, Example(pseudo_input, example.context)))

        weights = jax.nn.log_softmax(params["prior"]["logits"])
        return jax.nn.logsumexp(jax.vmap(log_q)(inputs_of(params)) + weights)[None]

    def sample(key: Key, params: Params, example: Example) -> Draw:
        draw = model.sample(key, params, example)
        return draw._replace(rate=divergences.sampled(draw.log_q, log_prior(params, draw.z, example)))

    def sample_prior(key: Key, params: Params, example: Example) -> Latent:
        pick, draw = jax.random.split(key)
        chosen = inputs_of(params)[jax.random.categorical(pick, params["prior"]["logits"])]
        return model.sample(draw, params, Example(chosen, example.context)).z

    return model._replace(
        init=init,
        sample=sample,
        log_prior=log_prior,
        sample_prior=sample_prior,
        compact=lambda: vamp(model.compact(), num),
    )
