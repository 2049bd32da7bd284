import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.bound import Terms, each, terms_of
from vaejax.contexts import UNKNOWN, label_of
from vaejax.numerics import average, require_count, require_number
from vaejax.objectives._traded import params_of_model
from vaejax.types import VAE, Bound, Example, Key, Number, Objective, Params, Scalar


def m2(num_classes: Number = 10, alpha: Number = 1.0, beta: Number = 1.0) -> Objective:
    """With a label y, the bound on log p(x, y) plus alpha log q(y|x); without, its mean under q(y|x) plus the entropy.

    For a model made by `vj.variants.labelled` with as many classes; nats per example, one draw of z for each class, and
    the sum over classes is exact. alpha: what a labelled example teaches the classifier; Kingma et al. take 0.1 times
    the number of examples for each that is labelled. beta weighs the whole rate. Cost: a decoding for each class.
    Distortion and rate are those of the bound, without the term of alpha.
    Kingma et al. (2014), arXiv:1406.5298.

    >>> import vaejax as vj
    >>> net = vj.nets.mlp(8)
    >>> model = vj.variants.labelled(vj.vae(net, net, data_shape=(4,), latent_size=2), net, 3)
    >>> batch = vj.Example(jnp.ones((3, 4)), jnp.array([0, 2, -1]))
    >>> objective = m2(3)
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """
    num = require_count("num_classes", num_classes, least=2)
    require_number("alpha", alpha, least=0.0)
    require_number("beta", beta, least=0.0)

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        def one(key: Key, example: Example) -> tuple[Scalar, Scalar, Scalar]:
            found, log_q = jax.vmap(lambda y: _at(key, model, params, example, y))(jnp.arange(num))
            label = label_of(example)
            q = jnp.where(label < 0, jnp.exp(log_q), jnp.where(jnp.arange(num) == label, 1.0, 0.0))
            rate = jnp.sum(q * (found.rate + jnp.where(label < 0, log_q, 0.0)))  # of y too
            distortion = jnp.sum(q * found.distortion)
            taught = jnp.where(label < 0, 0.0, alpha * jnp.sum(q * log_q))
            return -(distortion + beta * rate) + taught, distortion, rate

        return Bound(*(average(a, batch.weight) for a in each(one, key, batch)))

    formula = (
        "E_q(y, z|x) log p(x|y, z) - beta KL(q(y, z|x) || p(y) p(z)), + alpha log q(y|x) where y, one of num_classes, "
        "is known"
    )
    return Objective(params_of_model, evaluate, formula, {"num_classes": num, "alpha": alpha, "beta": beta})


def _at(key: Key, model: VAE, params: Params, example: Example, y: Array) -> tuple[Terms, Scalar]:
    """The terms of x with the label y, and log q(y|x): what log q(y, z|x) has more than log q(z|x, y)."""
    known, unknown = example._replace(context=y), example._replace(context=jnp.full_like(y, UNKNOWN))
    draw = model.sample(key, params, known)
    both, of_z = (model.log_posterior(params, draw.z, at) for at in (unknown, known))
    return terms_of(model, params, known, draw), jnp.sum(both) - jnp.sum(of_z)
