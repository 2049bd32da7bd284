import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import REALS, both, in_use
from vaejax.numerics import normal_log_prob, require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Shape, Stats


def mixture(num_components: Number = 10) -> Family:
    """p(z) = sum_k w_k N(z; mean_k, diag scale_k^2), all learned. No stats; one part, as latents depend on each other.

    Means start as draws of N(0, I), scales at 1, weights equal. Narrowed by a mask it is the mixture on the latents in
    use, exactly: components are rows per latent, latent axis first.
    Dilokthanakul et al. (2016), arXiv:1611.02648; Tomczak and Welling (2018), arXiv:1705.07120, section 2.

    >>> prior = mixture(3)
    >>> params = prior.init(jax.random.key(0), (2,))
    >>> prior.log_prob(params, jnp.zeros((0, 2)), jnp.zeros(2)).shape
    (1,)
    """
    return _mixture(require_count("num_components", num_components), None)


def _mixture(num: int, active: Array | None) -> Family:
    used = in_use(active)

    def init(key: Key, shape: Shape) -> Params:
        means = used(jax.random.normal(key, (*shape, num)))
        return {"mean": means, "log_scale": jnp.zeros_like(means), "logits": jnp.zeros(num)}

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        entries = used(normal_log_prob(z[..., None], params["mean"], params["log_scale"]))
        inside = jnp.sum(entries.reshape(-1, num), axis=0)
        return jax.nn.logsumexp(inside + jax.nn.log_softmax(params["logits"]))[None]

    def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        pick, draw = jax.random.split(key)
        k = jax.random.categorical(pick, params["logits"])
        mean, scale = params["mean"][..., k], jnp.exp(params["log_scale"][..., k])
        z = used(mean + scale * jax.random.normal(draw, mean.shape, mean.dtype))
        return z, log_prob(params, stats, z)

    def mean(params: Params, stats: Stats) -> Event:
        return used(params["mean"] @ jax.nn.softmax(params["logits"]))

    def masked(more: Array) -> Family:
        return _mixture(num, both(active, more))

    return Family("mixture", 0, init, sample, log_prob, mean, REALS, masked)
