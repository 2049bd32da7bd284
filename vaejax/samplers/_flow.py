import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.numerics import require_count, require_number
from vaejax.priors import coupling_flow
from vaejax.types import Family, Key, Number, Params, Scalar

from ._rows import batch_of
from ._types import Codes, Sampler, require_codes
from ._whitened import coloured, frame_of, log_volume, whitened


def flow(family: Family | None = None, *, num_steps: Number = 1000, learning_rate: Number = 3e-3) -> Sampler:
    """q(z) = p_flow(R^-1 (z - m)) / |det R|, an invertible network, by gradient ascent on the likelihood of the codes.

    family: `priors.coupling_flow()`, or any other family without stats on vectors of reals. It starts near the normal
    of the codes' mean and covariance. Batches of 256 with replacement, Adam at a rate that falls to zero by a cosine. A
    density and a draw cost the same. As an aggregate posterior: Engel, Hoffman and Roberts (2018), arXiv:1711.05772,
    and the priors of flows that are trained along with the model. It can learn its codes by heart where they are few.
    Raises: DataError where the codes are discrete or on a sphere.

    >>> codes = jax.random.normal(jax.random.key(0), (200, 2))
    >>> sampler = flow(num_steps=3)
    >>> fitted = sampler.fit(jax.random.key(1), codes)
    >>> sampler.sample(jax.random.key(2), fitted).shape
    (2,)
    """
    family, steps = family or coupling_flow(), require_count("num_steps", num_steps)
    require_number("learning_rate", learning_rate, above=0.0)

    def log_white(params: Params, white: Float[Array, " size"]) -> Scalar:
        return jnp.sum(family.log_prob(params, _no_stats(white), white))

    def fit(key: Key, codes: Codes) -> Params:
        import optax

        codes = require_codes("flow", codes)
        frame = frame_of(codes)
        white = whitened(frame, codes)
        optimizer = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))
        first_key, key = jax.random.split(key)
        first = family.init(first_key, codes.shape[1:])

        def loss(params: Params, batch: Float[Array, "batch size"]) -> Scalar:
            return -jnp.mean(jax.vmap(lambda one: log_white(params, one))(batch))

        def step(carry: tuple[Params, Params], key: Key) -> tuple[tuple[Params, Params], None]:
            params, state = carry
            updates, state = optimizer.update(jax.grad(loss)(params, batch_of(key, white)), state, params)
            return (optax.apply_updates(params, updates), state), None

        (params, _), _ = jax.lax.scan(step, (first, optimizer.init(first)), jax.random.split(key, steps))
        return {"frame": frame, "flow": params}

    def sample(key: Key, params: Params) -> Float[Array, " size"]:
        white, _ = family.sample(key, params["flow"], _no_stats(params["frame"]["mean"]))
        return coloured(params["frame"], white)

    def log_prob(params: Params, z: Float[Array, " size"]) -> Scalar:
        return log_white(params["flow"], whitened(params["frame"], z)) - log_volume(params["frame"])

    return Sampler("flow", fit, sample, log_prob)


def _no_stats(code: Float[Array, " size"]) -> Float[Array, "0 size"]:
    return jnp.zeros((0, *code.shape), code.dtype)
