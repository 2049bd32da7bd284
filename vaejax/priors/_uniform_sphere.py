import jax.numpy as jnp
from jaxtyping import Array

from vaejax import spheres
from vaejax.families import SPHERE, no_params, on_vectors
from vaejax.types import Event, Family, Key, Params, Parts, Stats


def uniform_sphere() -> Family:
    """p(z) = 1 / area of the unit sphere of the latents, area 2 pi^(d/2) / Gamma(d/2). No stats, nothing learned.

    One part. A draw is a normalised normal one, with the latent axis first; narrowed by a mask it is the sphere of the
    latents in use. The prior of `posteriors.von_mises_fisher`. Davidson et al. (2018), arXiv:1804.00891.

    Raises: VaejaxError where there is 1 latent; where their number is traced, its density is NaN instead.

    >>> uniform_sphere().log_prob((), jnp.zeros((0, 2)), jnp.array([1.0, 0.0])).item().__round__(4)  # -log 2 pi
    -1.8379
    """
    return _uniform_sphere(None)


def _uniform_sphere(active: Array | None) -> Family:
    def sample(key: Key, params: Params, stats: Stats) -> tuple[Event, Parts]:
        z = spheres.uniform(key, stats, active)
        return z, log_prob(params, stats, z)

    def log_prob(params: Params, stats: Stats, z: Event) -> Parts:
        return -spheres.log_area(spheres.size_of(stats, active))[None]

    def mean(params: Params, stats: Stats) -> Event:
        return jnp.zeros(stats.shape[1:], stats.dtype)

    def masked(more: Array) -> Family:
        return _uniform_sphere(spheres.narrower(active, more))

    return on_vectors(Family("uniform_sphere", 0, no_params, sample, log_prob, mean, SPHERE, masked))
