import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.metrics._fixing import Fixing
from vaejax.metrics._linear_probe import Probe, linear_probe
from vaejax.types import Key, Number

AT_ONCE = 256  # features in the making


def beta_vae_score(
    key: Key, source: Fixing, num_train: int = 10_000, num_test: int = 5_000, num_pairs: int = 64, l2: Number = 1.0
) -> Probe:
    """Accuracy of a linear classifier that is to name a fixed factor from mean_pairs |z - z'|, 1/F to 1.

    A feature: a factor at random, `num_pairs` pairs of codes, each pair with a value of its own that both of its codes
    share, and the mean absolute difference of the pairs. Higgins et al. (2017), "beta-VAE", with the sizes of
    Locatello et al. (2019), arXiv:1811.12359, and the logistic regression of `linear_probe`, on features as they are.

    Known bias: chance is 1/F; a rotation of the factors still scores 1 where a linear map of the differences tells
    the factors apart, and so does a code in which all but one factor is disentangled. Codes that are constant score
    about 1/F, the share of the most frequent factor.

    >>> import vaejax as vj
    >>> factors = jnp.stack(jnp.meshgrid(*[jnp.arange(8)] * 2), axis=-1).reshape(-1, 2)
    >>> source = vj.metrics.fixing(factors.astype(float), factors)
    >>> beta_vae_score(jax.random.key(0), source, 100, 100).accuracy.item()
    1.0
    """

    def feature(index: Array) -> tuple[Float[Array, " latent"], Array]:
        factor_key, pairs_key = jax.random.split(jax.random.fold_in(key, index))
        factor = jax.random.randint(factor_key, (), 0, source.num_factors)
        keys = jax.random.split(pairs_key, num_pairs)
        pairs = jax.vmap(lambda key: source.share(key, factor, 2))(keys)
        return jnp.mean(jnp.abs(pairs[:, 0] - pairs[:, 1]), axis=0), factor

    features, factor = jax.lax.map(feature, jnp.arange(num_train + num_test), batch_size=AT_ONCE)
    train, test = slice(num_train), slice(num_train, None)
    return linear_probe(features[train], factor[train], features[test], factor[test], source.num_factors, l2)
