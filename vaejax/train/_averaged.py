from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.numerics import require_number
from vaejax.types import Bound, Example, Key, Number, Params, Scalar, State, Trainer


class Averages(NamedTuple):
    """The optimizer's state, beside it the mean of the parameters so far and what it weighs."""

    opt_state: Any
    mean: Params
    mass: Scalar


def averaged(trainer: Trainer, decay: Number = 0.999) -> Trainer:
    """sum_s decay^(t-s) params_s / sum_s decay^(t-s) over the steps s = 1, ..., t: measured instead of the parameters.

    Training goes on with the parameters themselves and does not change. It is the exponential moving average with
    its bias corrected: the parameters before the first step do not count. Decay 0 is no average and decay 1 the mean
    over all steps. It looks back over about 1 / (1 - decay) steps. Cost: the parameters once more.

    Polyak and Juditsky (1992), SIAM J. Control Optim. 30(4); Kingma and Ba (2015), arXiv:1412.6980, section 7.2.
    Raises: VaejaxError where the decay is known and not in [0, 1].

    >>> import optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> taught = averaged(vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-3)), decay=0.99)
    >>> state = taught.init(jax.random.key(0), vj.Example(jnp.zeros((3, 4))))
    >>> taught.params(state)["encoder"]["output"]["kernel"].shape
    (8, 2, 2)
    """
    require_number("the decay of an average", decay, least=0.0, most=1.0)

    def init(key: Key, batch: Example) -> State:
        state = trainer.init(key, batch)
        return state._replace(opt_state=Averages(state.opt_state, trainer.params(state), jnp.zeros(())))

    def step(key: Key, state: State, batch: Example) -> tuple[State, Bound]:
        before = state.opt_state
        after, bound = trainer.step(key, _inner(state), batch)
        mass = decay * before.mass + 1.0

        def moved(mean: Array, new: Array) -> Array:
            return mean + (new - mean) / mass.astype(mean.dtype)

        mean = jax.tree.map(moved, before.mean, trainer.params(after))
        return after._replace(opt_state=Averages(after.opt_state, mean, mass)), bound

    def at(step: Number) -> Trainer:
        return averaged(trainer.at(step), decay)

    return Trainer(trainer.model, trainer.objective, init, step, at, lambda state: state.opt_state.mean)


def _inner(state: State) -> State:
    """The state as the trainer within knows it."""
    return state._replace(opt_state=state.opt_state.opt_state)
