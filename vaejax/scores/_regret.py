import jax
import jax.numpy as jnp

from vaejax.metrics import inference_gap
from vaejax.numerics import require_count
from vaejax.types import VAE, Example, Key, Latent, Number, Params, Scalar

from ._types import FOR_DRAWS, Score, of_model

NEEDS = "latents that are real numbers, with a normal for the best posterior: no points, no discrete codes, no sphere"
ON_SPHERE = 1e-4  # of the squared length of a draw to 1


def regret(num_steps: Number = 100, num_samples: Number = 64, per_step: Number = 4) -> Score:
    """max_q elbo(x; q) - elbo(x; q(z|x)), nats: what a posterior of its own would gain for this example.

    Likelihood regret: Xiao, Yan and Amit (2020), arXiv:2003.02977. The encoder serves normal data well and anomalies
    badly, while what makes simple images likely is in both terms. Theirs optimises the whole encoder for each example;
    here it is the mean and scales of a normal of independent latents, as in `metrics.inference_gap`, whose search this
    is: `num_steps` of Adam with `per_step` draws each. Both bounds are of `num_samples` draws: their noise, some tenths
    of a nat, is in the score. A search that is cut short finds too little, most of all far from the start; where q is
    no such normal the score may be negative.
    Cost: num_steps x per_step gradients of the decoder, some hundred times that of `elbo`.
    Where latents are points, discrete or on a sphere it is NaN, and `scored` refuses it.
    Raises: VaejaxError where a count is no whole number in range, and for latents of several numbers.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.scores.scored(jax.random.key(1), model, params, regret(5, 8), (), jnp.zeros((5, 4))).shape
    (5,)
    """
    counts = require_count("num_steps", num_steps), require_count("num_samples", num_samples, least=2)
    per_step = require_count("per_step", per_step)

    def of(key: Key, model: VAE, params: Params, example: Example) -> Scalar:
        gap = inference_gap(key, model, params, example, 0.0, *counts, per_step)
        draws = [model.sample(jax.random.fold_in(key, at), params, example).z for at in range(2)]
        return jnp.where(_real(model.active(), *draws), gap.amortization, jnp.nan)

    return of_model("regret", of, NEEDS, FOR_DRAWS)


def _real(active: Latent, one: Latent, other: Latent) -> Scalar:
    """Whether two draws differ in every latent, as reals do, and are not both of length one."""
    length_one = [jnp.abs(jnp.sum(jnp.square(z)) - 1) < ON_SPHERE for z in (one, other)]
    return jnp.all((one != other) | (active == 0)) & ~(length_one[0] & length_one[1])
