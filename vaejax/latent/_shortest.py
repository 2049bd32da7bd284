from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.latent._metric import Decode, slopes_at
from vaejax.latent._paths import Path, steps_of
from vaejax.numerics import require_count, require_number
from vaejax.types import Latent, Number, Scalar

HALVINGS = 8  # of a step, after which it is none
RIDGE = 1e-4  # of the mean curvature, for directions that change nothing


def geodesic(decode: Decode, num_steps: Number = 10, num_modes: Number = 8, num_pieces: Number = 32) -> Path:
    """The path whose decoded curve is shortest: argmin of the energy sum_i |x(t_i+1) - x(t_i)|^2, ends fixed.

    Of all speeds along it, the energy takes the constant one, so that `num` points are about evenly spaced in x. The
    path is the line plus `num_modes` sines for each latent; the energy is that of `num_pieces` chords, at least some
    four to a mode. Each of `num_steps` steps is Newton's with the metric J^T J held (J by `jvp`), as long as of 1, 1/2,
    1/4, ... or 0 lowers the energy most: there is no learning rate, energy never rises, and the path found is never
    longer in x, as measured by those chords, than the line. It is the minimum near the line; there may be others.

    decode: any function of one code, like `partial(vj.decode, model, params)`. The mean of p(x|z) is sure of itself
    also where there were no data, so that a geodesic of it may cut through holes of the codes; a `decode` that gives
    the scale of p(x|z) beside the mean does what Arvanitidis, Hansen and Hauberg (2018), arXiv:1710.11379, add to it.
    Discrete energy: Shao, Kumar and Fletcher (2018), arXiv:1711.08014.
    Cost: num_steps * num_pieces * (numbers of a code + some 15) decodings, and a linear system of num_modes * numbers
    unknowns in each step.

    >>> import vaejax as vj
    >>> polar = lambda z: z[0] * jnp.array([jnp.cos(z[1]), jnp.sin(z[1])])
    >>> ends = jnp.array([1.0, 0.0]), jnp.array([1.0, 2.0])
    >>> path = geodesic(polar)(*ends, 50)
    >>> round(float(vj.latent.length(jax.vmap(polar)(path))), 3)  # of the chord; the line is the arc, 2.0
    1.683
    """
    sizes = _sizes(num_steps, num_modes, num_pieces)

    def path(z0: Latent, z1: Latent, num: Number) -> Float[Array, "num *latent"]:
        return _shortest(decode, lambda z: jnp.zeros((), z.dtype), z0, z1, steps_of(z0, z1, num), sizes)

    return path


def density_following(
    log_prob: Callable[[Latent], Scalar],
    strength: Number = 0.1,
    num_steps: Number = 10,
    num_modes: Number = 8,
    num_pieces: Number = 32,
) -> Path:
    """The path that is shortest where a step of length |dz| counts p(z)^-strength |dz|: it makes a detour for density.

    log_prob: of one code, nats, of any density: the prior's, `lambda z: model.log_prior(params, z, example).sum()`, or
    that of a sampler which was fitted to codes. At strength 0 it is the line. Where log p is a nat lower, a step counts
    e^strength times, so that the more latents there are, the lower a strength is enough. Mind that density is highest
    where there are few codes: under N(0, I) of many latents the path bends to 0, which codes avoid (see `spherical`).
    Found as `geodesic` is; as there, points are evenly spaced in the length that is minimised, and dense where density
    is low. Bousquet, Chapelle and Hein (2004), Measure based regularization.

    >>> log_prob = lambda z: jnp.log(z[1])  # with strength 1 the hyperbolic plane: its shortest paths are circles
    >>> path = density_following(log_prob, 1.0)(jnp.array([-1.0, 1.0]), jnp.array([1.0, 1.0]), 3)
    >>> round(float(path[1, 1]), 3)
    1.414
    """
    sizes = _sizes(num_steps, num_modes, num_pieces)
    require_number("strength", strength, least=0.0)

    def path(z0: Latent, z1: Latent, num: Number) -> Float[Array, "num *latent"]:
        def log_weight(z: Latent) -> Scalar:
            return -strength * log_prob(z)

        return _shortest(lambda z: z, log_weight, z0, z1, steps_of(z0, z1, num), sizes)

    return path


class _Sizes(NamedTuple):
    num_steps: int
    num_modes: int
    num_pieces: int


def _sizes(num_steps: Number, num_modes: Number, num_pieces: Number) -> _Sizes:
    steps, modes = require_count("num_steps", num_steps), require_count("num_modes", num_modes)
    return _Sizes(steps, modes, require_count("num_pieces", num_pieces, least=2))


def _shortest(
    embed: Decode,
    log_weight: Callable[[Latent], Scalar],
    z0: Latent,
    z1: Latent,
    t: Float[Array, " num"],
    sizes: _Sizes,
) -> Float[Array, "num *latent"]:
    """argmin over curves from z0 to z1 of the energy of their chords, each weighed by exp(log_weight) at its middle."""
    line = jnp.stack([z0.reshape(-1), z1.reshape(-1)])
    nodes = jnp.linspace(0.0, 1.0, sizes.num_pieces + 1, dtype=line.dtype)
    middles, rises = 0.5 * (nodes[1:] + nodes[:-1]), jnp.diff(_sines(nodes, sizes.num_modes), axis=0)

    def curve(modes: Array, t: Float[Array, " some"]) -> Float[Array, "some number"]:
        return jnp.stack([1 - t, t], axis=1) @ line + _sines(t, sizes.num_modes) @ modes

    def log_weights(modes: Array) -> Float[Array, " piece"]:
        return jax.vmap(lambda z: log_weight(z.reshape(z0.shape)))(curve(modes, middles))

    def chords(modes: Array) -> Float[Array, "piece entry"]:
        points = jax.vmap(lambda z: embed(z.reshape(z0.shape)).reshape(-1))(curve(modes, nodes))
        return jnp.diff(points, axis=0)

    start = jnp.zeros((sizes.num_modes, line.shape[1]), line.dtype)
    usual = jax.lax.stop_gradient(jnp.mean(log_weights(start)))  # only ratios of weights matter: e^0 overflows nowhere

    def energy(modes: Array) -> Scalar:
        weights = jnp.exp(2 * (log_weights(modes) - usual))
        return sizes.num_pieces * jnp.sum(weights * jnp.sum(jnp.square(chords(modes)), axis=1))

    def newton(modes: Array) -> Array:
        """The step to the minimum, were the metric that which it is along the curve now."""
        weights = jnp.exp(2 * (log_weights(modes) - usual))
        slopes = jax.lax.map(lambda z: slopes_at(embed, z.reshape(z0.shape)), curve(modes, middles))
        metrics = jnp.einsum("p,pea,peb->pab", weights, slopes, slopes)
        curvature = 2 * sizes.num_pieces * jnp.einsum("pk,pl,pab->kalb", rises, rises, metrics)
        square = curvature.reshape(modes.size, modes.size)
        ridge = RIDGE * jnp.trace(square) / len(square) + jnp.finfo(square.dtype).tiny
        gradient = jax.grad(energy)(modes).reshape(-1)
        found = jax.scipy.linalg.solve(square + ridge * jnp.eye(len(square)), gradient, assume_a="pos")
        return found.reshape(modes.shape)

    def step(modes: Array, _: None) -> tuple[Array, None]:
        towards = newton(modes)
        lengths = jnp.append(0.5 ** jnp.arange(HALVINGS), 0.0).astype(modes.dtype)
        tried = jax.lax.map(lambda length: energy(modes - length * towards), lengths)
        best = lengths[jnp.nanargmin(tried)]
        return jnp.where(best > 0, modes - best * towards, modes), None

    def measured(modes: Array) -> Scalar:
        distances = jnp.sqrt(jnp.sum(jnp.square(chords(modes)), axis=1))
        return jnp.sum(jnp.exp(log_weights(modes) - usual) * distances)

    modes, _ = jax.lax.scan(step, start, None, length=sizes.num_steps)
    modes = jnp.where(measured(modes) < measured(start), modes, start)  # energy bounds length only from above
    points = curve(modes, t).at[0].set(line[0]).at[-1].set(line[1])  # to the last bit
    return points.reshape(-1, *z0.shape)


def _sines(t: Float[Array, " some"], num: int) -> Float[Array, "some mode"]:
    """sin(pi k t) / k, whose slopes are of one size."""
    k = jnp.arange(1, num + 1, dtype=t.dtype)
    return jnp.sin(jnp.pi * t[:, None] * k[None]) / k[None]
