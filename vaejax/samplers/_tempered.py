import jax
from jaxtyping import Array, Float

from vaejax.errors import VaejaxError
from vaejax.numerics import require_count, require_number
from vaejax.types import Key, Number, Params

from ._types import Sampler


def tempered(sampler: Sampler, temperature: Number = 0.7, *, num_candidates: Number = 64) -> Sampler:
    """Draws of q(z)^(1/T), normalised: what is scaled is the log density, by 1/T. Of N(0, I) it is N(0, T I).

    So a standard deviation is scaled by the root of T, where some codes call the factor of the standard deviation
    itself the temperature (T = 0.7 there is 0.49 here), and modes of a mixture gain or lose weight with their height.
    By sampling and importance resampling (Rubin 1988): of `num_candidates` draws of q one is taken in proportion to
    q(z)^(1/T - 1). Exact as they grow in number. Of a normal in d dimensions, with a = 1/T - 1, about the part
    ((1 + 2a) / (1 + a)^2)^(d/2) of them counts: at T = 0.7 in 16 dimensions 0.48, at T = 0.5 0.10. Where that is less
    than a few, draws are less concentrated than was asked for. Above 1 it soon fails: from T = 2 on the weights of a
    normal have no variance. The normaliser is not known, so there is no `log_prob`.
    Raises: VaejaxError where the sampler has no density, or T is not above 0.

    >>> import jax.numpy as jnp
    >>> from vaejax.samplers import gaussian_mixture
    >>> sampler = tempered(gaussian_mixture(1), 0.25)
    >>> fitted = sampler.fit(jax.random.key(1), 2.0 * jax.random.normal(jax.random.key(0), (1000, 1)))
    >>> draws = jax.vmap(lambda key: sampler.sample(key, fitted))(jax.random.split(jax.random.key(2), 1000))
    >>> round(float(jnp.std(draws)))
    1
    """
    log_prob, num = sampler.log_prob, require_count("num_candidates", num_candidates)
    require_number("temperature", temperature, above=0.0)
    if log_prob is None:
        raise VaejaxError(f"a temperature is of a density, and that of {sampler.name} is not known: take another")

    def sample(key: Key, params: Params) -> Float[Array, " size"]:
        pick, draw = jax.random.split(key)
        candidates = jax.vmap(lambda key: sampler.sample(key, params))(jax.random.split(draw, num))
        log_q = jax.vmap(lambda z: log_prob(params, z))(candidates)
        return candidates[jax.random.categorical(pick, (1 / temperature - 1) * log_q)]

    return Sampler(f"tempered {sampler.name}", sampler.fit, sample)
