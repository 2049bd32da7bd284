import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.families import REALS, both, in_use, on_vectors
from vaejax.numerics import normal_log_prob, require_count
from vaejax.types import Event, Family, Key, Number, Params, Parts, Shape, Stats

OPEN = 2.0  # of a gate before its sigmoid, so that a flow starts near the identity


def iaf(num_layers: Number = 2, hidden: Number = 16) -> Family:
    """Inverse autoregressive flow on a diagonal normal: z <- g z + (1 - g) m, where (m, g)_i see z_1, ..., z_{i-1}.

    log q = log N(z_0) - sum over layers and latents of log g: exact and cheap along the sample; at another z each layer
    is inverted latent by latent. Stats: mean, log_scale, and a context row that every layer sees. Its own parameters
    are those of the layers: `hidden` units for each latent, which sees the latents before it, in the same order in
    every layer. So the first latents do not depend on later ones, and narrowed by a mask it is the smaller flow.
    `mean` is where the mean of the normal goes: the mean itself for one latent, and near it for more.
    Cost of a sample: layers x hidden x latents^2; of a density at a free point, times the latents.
    Kingma et al. (2016), arXiv:1606.04934.

    >>> flow = iaf()
    >>> params = flow.init(jax.random.key(0), (3,))
    >>> z, log_q = flow.sample(jax.random.key(1), params, jnp.zeros((3, 3)))
    >>> z.shape, log_q.shape
    ((3,), (1,))
    """
    return _iaf(require_count("num_layers", num_layers), require_count("hidden", hidden), None)


def _iaf(num_layers: int, hidden: int, active: Array | None) -> Family:
    used = in_use(active)

    def init(key: Key, shape: Shape) -> Params:
        (num,) = shape
        kept = used(jnp.ones(num))[:, None, None]
        keys = jax.random.split(key, num_layers)
        return {f"layer_{index}": _first(keys[index], num, hidden, kept) for index in range(num_layers)}

    def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        noise = jax.random.normal(key, stats.shape[1:], stats.dtype)
        z, log_gates = _through(params, stats[0] + jnp.exp(stats[1]) * noise, stats[2])
        return used(z), jnp.sum(used(normal_log_prob(noise, 0.0, 0.0) - stats[1] - log_gates))[None]

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        log_gates = jnp.zeros_like(z)
        for layer in _layers(params)[::-1]:
            z, gate = _undone(layer, z, stats[2])
            log_gates = log_gates + gate
        return jnp.sum(used(normal_log_prob(z, stats[0], stats[1]) - log_gates))[None]

    def mean(params: Params, stats: Stats) -> Event:
        return used(_through(params, stats[0], stats[2])[0])

    def masked(more: Array) -> Family:
        return _iaf(num_layers, hidden, both(active, more))

    return on_vectors(Family("iaf", 3, init, sample, log_prob, mean, REALS, masked))


def _layers(params: Params) -> list[Params]:
    return [params[f"layer_{index}"] for index in range(len(params))]


def _through(params: Params, z: Array, context: Array) -> tuple[Array, Array]:
    """Through all layers, and the sum of log g for each latent."""
    log_gates = jnp.zeros_like(z)
    for layer in _layers(params):
        shift, gate = _shift_and_gate(layer, z, context)
        z, log_gates = jnp.exp(gate) * z - jnp.expm1(gate) * shift, log_gates + gate
    return z, log_gates


def _first(key: Key, num: int, hidden: int, kept: Array) -> Params:
    """Rows are latents; a row's draws do not depend on how many rows and columns there are."""
    keys = jax.vmap(lambda row: jax.random.split(jax.random.fold_in(key, row)))(jnp.arange(num))
    before = jnp.sqrt(jnp.maximum(jnp.arange(num), 1))[:, None, None]  # the fan-in of a row
    ins = jax.vmap(lambda one: _columns(one, num, hidden))(keys[:, 0])
    outs = jax.vmap(lambda one: jax.random.normal(one, (hidden, 2)))(keys[:, 1])
    return {
        "kernel": kept * jnp.tril(jnp.ones((num, num)), -1)[..., None] * ins / before,
        "context": kept[..., 0] * jnp.ones((num, hidden)) / hidden,
        "bias": jnp.zeros((num, hidden)),
        "output": 0.1 * kept * outs / jnp.sqrt(hidden),
    }


def _columns(key: Key, num: int, hidden: int) -> Array:
    return jax.vmap(lambda column: jax.random.normal(jax.random.fold_in(key, column), (hidden,)))(jnp.arange(num))


def _shift_and_gate(layer: Params, z: Array, context: Array) -> tuple[Array, Array]:
    """m and log g of every latent, from those before it."""
    seen = jnp.tril(jnp.ones((len(z), len(z)), z.dtype), -1)[..., None] * layer["kernel"]
    h = jnp.tanh(jnp.einsum("ijk,j->ik", seen, z) + context[:, None] * layer["context"] + layer["bias"])
    shift, gate = jnp.einsum("ik,iks->si", h, layer["output"])
    return shift, jax.nn.log_sigmoid(gate + OPEN)


def _undone(layer: Params, z: Array, context: Array) -> tuple[Array, Array]:
    """What the layer made z of, and log g: latent i is right after pass i + 1."""

    def another(before: Array, _: None) -> tuple[Array, None]:
        shift, gate = _shift_and_gate(layer, before, context)
        return (z + jnp.expm1(gate) * shift) * jnp.exp(-gate), None

    before, _ = jax.lax.scan(another, z, None, length=len(z))
    return before, _shift_and_gate(layer, before, context)[1]
