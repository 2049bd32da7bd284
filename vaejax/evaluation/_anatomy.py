import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax import metrics
from vaejax.bound import keys_of, latents_of, require_per_latent
from vaejax.types import VAE, Example, Key, Params

from ._codes import require_density
from ._held import Held
from ._mapped import by_rows, of_each, refused, tried
from ._types import Measure, Members, Values

SPLIT = ("information", "total_correlation", "dimension_wise_kl", "marginal_kl")
BY_LATENT = ("active_units_by_rate", "rate_per_latent")
USE = ("decoder_use", "decoder_use_se")


def anatomy() -> Measure:
    """What the rate is made of, latent by latent and in parts, and what the decoder makes of it.

    >>> anatomy().dims
    {'rate_per_latent': ('latent',)}
    """
    columns = {
        "information": "I(index; z) of the held examples, nats; at most the log of their number, and where it comes "
        "near, the two parts below are too large",
        "total_correlation": "KL(q(z) || prod_l q(z_l)), q(z) the mixture over the held examples, nats",
        "dimension_wise_kl": "sum_l KL(q(z_l) || p(z_l)), of the same q(z), nats",
        "marginal_kl": "KL(q(z) || p(z)), the two above: what a better prior could take off the rate, nats",
        "active_units_by_rate": "latents whose rate is above 0.01 nats, the held examples",
        "rate_per_latent": "KL(q(z_l|x) || p(z_l)), the held examples, nats per example; empty for latents out of use",
        "decoder_use": "log p(x|z) less that with the code of another example, nats; no bound on the information",
        "decoder_use_se": "standard error of decoder_use over the held examples, nats; too large by a half or so",
    }

    def of(members: Members) -> Values:
        return {**of_each(_of_one)(members), **refused(SPLIT, lambda: require_density(members))}

    return Measure("anatomy", columns, of, {"rate_per_latent": ("latent",)})


def _of_one(key: Key, model: VAE, params: Params, held: Held) -> dict[str, Array | str]:
    def split() -> tuple[Array, ...]:
        found = metrics.rate_decomposition(key, model, params, held.test)
        return found.information, found.total_correlation, found.dimension_wise, found.marginal_kl

    def by_latent() -> tuple[Array, ...]:
        rates = rates_of(key, model, params, held.test)
        mean = jnp.where(latents_of(model) > 0, jnp.mean(rates, axis=0), jnp.nan)
        return metrics.active_units_by_rate(rates), mean

    return {
        **tried(SPLIT, split),
        **tried(BY_LATENT, by_latent),
        **tried(USE, lambda: tuple(metrics.decoder_use(key, model, params, held.test))),
    }


def rates_of(key: Key, model: VAE, params: Params, examples: Example) -> Float[Array, "num latent"]:
    """The rate of each example and latent, at one draw of z each, nats.

    Raises: VaejaxError where it has not one part for each latent.

    >>> import jax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> rates_of(jax.random.key(1), model, params, Example(jnp.zeros((5, 4)))).shape
    (5, 2)
    """

    def one(key: Key, example: Example) -> Array:
        draw = model.sample(key, params, example)
        require_per_latent("a rate of each latent", "the rate", draw.rate, draw.z)
        return jnp.sum(draw.rate.reshape(len(draw.rate), -1), axis=1)

    return by_rows(one, keys_of(key, examples), examples)
