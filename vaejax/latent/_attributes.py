from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from vaejax.errors import VaejaxError
from vaejax.metrics import linear_probe
from vaejax.numerics import concrete
from vaejax.types import VAE, Event, Example, Latent, Number, Params
from vaejax.verbs import decode, encode

Has = Shaped[Array, "..."] | Shaped[np.ndarray, "..."]  # booleans, one for each code, or it is said what came


def attribute_direction(codes: Float[Array, "num *latent"], has: Has) -> Latent:
    """The mean code of the examples that have an attribute, less that of those that do not.

    has: true where an example does. Whatever else goes with the attribute in the data is in the direction too
    (see `probe_direction`). To add it to a code is the arithmetic of Radford, Metz and Chintala (2016),
    arXiv:1511.06434; of a VAE, Larsen et al. (2016), arXiv:1512.09300.
    Raises: VaejaxError where there is not one truth value for each code, or where all are known to be equal.

    >>> attribute_direction(jnp.array([[0.0, 1.0], [2.0, 1.0]]), jnp.array([False, True])).tolist()
    [2.0, 0.0]
    """
    codes, weight = jnp.asarray(codes), _weights(codes, has)
    weight = weight.reshape(-1, *[1] * (codes.ndim - 1))
    with_it, without = (jnp.sum(codes * w, axis=0) / jnp.sum(w) for w in (weight, 1 - weight))
    return with_it - without


def probe_direction(codes: Float[Array, "num latent"], has: Has, l2: Number = 1.0) -> Latent:
    """The normal of the plane that best tells codes with an attribute from those without, by logistic regression.

    As long as the means of the two lie apart along it, so that to add it once goes as far as `attribute_direction` goes
    in that direction. Latents that go with the attribute but tell nothing more of it are left as they are.
    l2: as in `metrics.linear_probe`, which finds it. Raises: as `attribute_direction`.

    >>> codes = jnp.array([[0.0, 1.0], [0.0, 0.0], [2.0, 1.0], [2.0, 0.0]])
    >>> probe_direction(codes, jnp.array([False, False, True, True])).round(3).tolist()
    [2.0, 0.0]
    """
    difference = attribute_direction(codes, has)
    labels = jnp.asarray(has).astype(int)
    weights = linear_probe(codes, labels, codes, labels, 2, l2).weights
    normal = weights[:, 1] - weights[:, 0]
    return normal * (normal @ difference) / (normal @ normal)


def moved(model: VAE, params: Params, x: Any, direction: Latent, amount: Number = 1.0) -> Event:
    """The mean of p(x|z) at encode(x) + amount * direction.

    Of a sphere or of discrete latents such a sum is no code, and the decoder was trained on none of the kind.
    Raises: VaejaxError where the direction has not the shape of a code.

    >>> import jax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> jax.vmap(lambda amount: moved(model, params, jnp.zeros(4), jnp.ones(2), amount))(jnp.arange(3.0)).shape
    (3, 4)
    """
    z = encode(model, params, x)
    if direction.shape != z.shape:
        raise VaejaxError(f"expected a direction of the shape of a code, {z.shape}, got {direction.shape}")
    return decode(model, params, z + amount * direction, x.context if isinstance(x, Example) else None)


def _weights(codes: Array, has: Has) -> Float[Array, " num"]:
    if np.shape(has) != np.shape(codes)[:1] or jnp.asarray(has).dtype != bool:
        raise VaejaxError(
            f"expected one truth value for each of {len(codes)} codes, like labels == 3, got {jnp.asarray(has).dtype} "
            f"of shape {np.shape(has)}"
        )
    known = concrete(has)
    if known is not None and known.all() == known.any():
        raise VaejaxError(f"expected examples with the attribute and without, and all {len(known)} have it or none has")
    return jnp.asarray(has).astype(codes.dtype)
