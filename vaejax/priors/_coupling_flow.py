from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import REALS, both, in_use, on_vectors
from vaejax.numerics import normal_log_prob, require_count, require_number
from vaejax.priors._rational_spline import backward, forward
from vaejax.types import Event, Family, Key, Number, Params, Parts, Shape, Stats


def coupling_flow(num_layers: Number = 4, num_bins: Number = 8, hidden: Number = 32, bound: Number = 5.0) -> Family:
    """p(z) = N(f(z)) |det f'(z)|, f of layers: every other latent goes through a spline that the rest of them choose.

    Splines are monotone rational quadratics of `num_bins` bins on [-bound, bound], and the identity beyond, so tails
    are normal. Even latents are moved in the first layer, odd ones in the second, and so on; of one latent half of the
    layers move it, by a spline of their own. The rest chooses through `hidden` units, one layer of tanh. No stats; one
    part; it starts close to N(0, I). No mean is known, so it can be a prior only. A density and a draw cost the same.
    Weights are drawn per latent, and a latent's place alone says in which layers it is moved: narrowed by a mask it is
    the smaller flow. Durkan et al. (2019), arXiv:1906.04032.

    Raises: VaejaxError where there is 1 layer, which would leave odd latents as they are.

    >>> prior = coupling_flow()
    >>> params = prior.init(jax.random.key(0), (2,))
    >>> z, log_p = prior.sample(jax.random.key(1), params, jnp.zeros((0, 2)))
    >>> z.shape, log_p.shape
    ((2,), (1,))
    """
    sizes = {"num_bins": require_count("num_bins", num_bins, least=2), "hidden": require_count("hidden", hidden)}
    layers = require_count("num_layers", num_layers, least=2)
    return _coupling_flow(layers, require_number("bound", bound, above=0.0), None, **sizes)


def _coupling_flow(num_layers: int, bound: Number, active: Array | None, *, num_bins: int, hidden: int) -> Family:
    used = in_use(active)

    def moved(num: int, index: int) -> tuple[Array, Array]:
        """One for the latents that a layer moves, and for those that choose how; unused ones do neither."""
        kept = used(jnp.ones(num))
        here = jnp.where((jnp.arange(num) + index) % 2 == 0, 1.0, 0.0)
        return kept * here, kept * (1 - here)

    def init(key: Key, shape: Shape) -> Params:
        (num,) = shape
        keys = jax.random.split(key, num_layers)
        return {
            f"layer_{index}": _first(keys[index], *moved(num, index), hidden, 3 * num_bins - 1)
            for index in range(num_layers)
        }

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        base, log_slope = z, jnp.zeros_like(z)
        for index in range(num_layers):
            base, more = _through(forward, params[f"layer_{index}"], base, *moved(len(z), index), bound)
            log_slope = log_slope + more
        return _total(base, log_slope)

    def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        base = jax.random.normal(key, stats.shape[1:], stats.dtype)
        z, log_slope = base, jnp.zeros_like(base)
        for index in reversed(range(num_layers)):
            z, more = _through(backward, params[f"layer_{index}"], z, *moved(len(z), index), bound)
            log_slope = log_slope + more
        return used(z), _total(base, log_slope)

    def _total(base: Array, log_slope: Array) -> Parts:
        parts = normal_log_prob(base, 0.0, 0.0)
        return jnp.sum(used(parts) + log_slope)[None]

    def masked(more: Array) -> Family:
        return _coupling_flow(num_layers, bound, both(active, more), num_bins=num_bins, hidden=hidden)

    return on_vectors(Family("coupling_flow", 0, init, sample, log_prob, None, REALS, masked))


def _through(
    spline: Callable[..., tuple[Array, Array]], layer: Params, z: Array, here: Array, rest: Array, bound: Number
) -> tuple[Array, Array]:
    """Where a layer takes z, and the log slope of each latent: zero where it is not moved."""
    units = jnp.tanh((z * rest) @ layer["kernel"] + layer["bias"])
    raw = jnp.einsum("k,iks->is", units, layer["output"]) + layer["offset"]
    found, log_slope = jax.vmap(spline, (0, 0, None))(z, raw, bound)
    return jnp.where(here > 0, found, z), log_slope * here


def _first(key: Key, here: Array, rest: Array, hidden: int, num_outputs: int) -> Params:
    """Rows are latents; a row's draws do not depend on how many there are."""
    rows = jax.vmap(lambda row: jax.random.split(jax.random.fold_in(key, row)))(jnp.arange(len(here)))
    ins = jax.vmap(lambda one: jax.random.normal(one, (hidden,)))(rows[:, 0])
    outs = jax.vmap(lambda one: jax.random.normal(one, (hidden, num_outputs)))(rows[:, 1])
    return {
        "kernel": rest[:, None] * ins / jnp.sqrt(jnp.maximum(jnp.sum(rest), 1.0)),
        "bias": jnp.zeros(hidden),
        "output": 0.1 * here[:, None, None] * outs / jnp.sqrt(hidden),
        "offset": jnp.zeros((len(here), num_outputs)),
    }
