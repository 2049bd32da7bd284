from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from vaejax.errors import VaejaxError
from vaejax.latent._paths import Path, linear
from vaejax.numerics import concrete
from vaejax.types import VAE, Example, Number, Params
from vaejax.verbs import decode, encode


def interpolate(
    model: VAE, params: Params, x0: Any, x1: Any, *, path: Path = linear, num: Number = 9
) -> Float[Array, "num *event"]:
    """The means of p(x|z) at `num` points of a path between the means of q(z|x0) and q(z|x1), ends included.

    path: `linear`, `spherical`, `geodesic(decode)`, `density_following(log_prob)`, or any function of two codes and a
    number of points. The ends of the pictures are reconstructions, not x0 and x1. Between codes of discrete latents a
    decoder was never trained: there, use `latent_by_latent` between draws of `vj.sample`, decoded by `vj.decode`.
    x0, x1: an x, or an `Example` of it with what is beside it. Both must have one context, with which all is decoded:
    where contexts are traced and turn out to differ, all is NaN.
    Raises: VaejaxError where an x has another shape, or the contexts are known and differ.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> interpolate(model, params, jnp.zeros(4), jnp.ones(4), path=vj.latent.spherical, num=5).shape
    (5, 4)
    """
    first, last = (x.context if isinstance(x, Example) else None for x in (x0, x1))
    same = _same(first, last)
    known = concrete(same)
    if known is not None and not known:
        raise VaejaxError("expected two examples of one context, and theirs differ: give x1 the context of x0")
    codes = path(encode(model, params, x0), encode(model, params, x1), num)
    found = jax.vmap(lambda z: decode(model, params, z, first))(codes)
    return jnp.where(same, found, jnp.nan)


def _same(first: PyTree, last: PyTree) -> Bool[Array | np.ndarray, ""]:
    """Whether two contexts are equal. Without a context nothing is computed, so that it is known under `jit` too."""
    if jax.tree.structure(first) != jax.tree.structure(last):
        return np.array(False)
    pairs = list(zip(jax.tree.leaves(first), jax.tree.leaves(last), strict=True))
    if any(np.shape(a) != np.shape(b) for a, b in pairs):
        return np.array(False)
    traced = any(concrete(leaf) is None for pair in pairs for leaf in pair)
    if not traced:
        return np.array(all(np.array_equal(a, b) for a, b in pairs))
    return jnp.all(jnp.stack([jnp.all(jnp.asarray(a) == jnp.asarray(b)) for a, b in pairs]))
