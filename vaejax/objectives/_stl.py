from vaejax.bound import Terms, each, held_log_posterior, log_weight, terms_of
from vaejax.numerics import average, with_gradient_of
from vaejax.objectives._traded import params_of_model
from vaejax.types import VAE, Bound, Example, Key, Objective, Params, Scalar


def stl() -> Objective:
    """E_q log p(x, z) / q(z|x), nats per example, one draw of z; the gradient of q goes through z alone.

    Sticking the landing: Roeder, Wu and Duvenaud (2017), arXiv:1703.09194. The score of q, whose mean is zero, is left
    out. So the gradient has the expectation of that of `elbo()`, and where q is the exact posterior that of q is zero
    for every draw: its noise dies away as q comes close; far from there it may be the noisier one.
    Cost: as `elbo`, and log q at z once more.
    Raises: VaejaxError, in `evaluate`, where q has a density only along its samples.

    >>> import jax, jax.numpy as jnp, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> objective, batch = stl(), vj.Example(jnp.zeros((3, 4)))
    >>> params = objective.init(jax.random.key(0), model, batch)
    >>> objective.evaluate(jax.random.key(1), model, params, batch).value.shape
    ()
    """

    def evaluate(key: Key, model: VAE, params: Params, batch: Example) -> Bound:
        def one(key: Key, example: Example) -> tuple[Terms, Scalar]:
            draw = model.sample(key, params, example)
            held = held_log_posterior("stl", model, params, example, draw.z)
            return terms_of(model, params, example, draw), log_weight(model, params, example, draw.z, held)

        found, landing = each(one, key, batch)
        value, distortion, rate = (average(a, batch.weight) for a in (found.log_weight, found.distortion, found.rate))
        return Bound(with_gradient_of(value, average(landing, batch.weight)), distortion, rate)

    return Objective(params_of_model, evaluate, "E_q log p(x, z) / q(z|x)", {})
