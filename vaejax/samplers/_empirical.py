import jax
from jaxtyping import Array, Float

from vaejax.numerics import require_count
from vaejax.types import Key, Number, Params

from ._rows import at_most
from ._types import Codes, Sampler, require_codes


def empirical(*, most: Number = 5000) -> Sampler:
    """One of the codes as it was, at random: the aggregate posterior itself, with nothing fitted.

    What a fitted density is held beside, as its draws decode to variations of training examples and to nothing new; and
    the one for latents that no density on the reals fits, discrete ones or those on a sphere. Draws of q(z|x), not its
    means, are what a decoder has seen. most: at most so many codes are kept, chosen without replacement.
    Raises: DataError where there are no codes.

    >>> import jax.numpy as jnp
    >>> sampler = empirical()
    >>> sampler.sample(jax.random.key(0), sampler.fit(jax.random.key(1), jnp.ones((5, 2)))).tolist()
    [1.0, 1.0]
    """
    most = require_count("most", most)

    def fit(key: Key, codes: Codes) -> Params:
        return {"codes": at_most(key, require_codes("empirical", codes, continuous=False), most)}

    def sample(key: Key, params: Params) -> Float[Array, " size"]:
        return params["codes"][jax.random.randint(key, (), 0, len(params["codes"]))]

    return Sampler("empirical", fit, sample)
