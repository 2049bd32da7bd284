"""Hyper-parameters that are functions of time."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from vaejax.numerics import require_count
from vaejax.types import Bound, Example, Key, Number, Params, State, Trainer

END = 10**9  # the end of time, in steps: int32, with room for arithmetic


def scheduled(build: Callable[[Number], Trainer]) -> Trainer:
    """The trainer of which each step t is that of `build(t)`: any hyper-parameter may be a function of time.

    t counts from 0 and is traced. Every `build(t)` must have parameters and an optimizer's state of the same shapes.
    A learning rate may be given as its value at t, or as an optax schedule, which counts for itself.

    `model` and `objective` are those at the end of time, where schedules are constant: that model is measured and
    handed over, so a schedule of the model itself (a temperature) should end within the run; `unfinished` tells.
    `at(t)` is `build(t)`.

    >>> import jax, optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> beta = vj.schedules.linear(0.0, 4.0, 1000)
    >>> taught = scheduled(lambda step: vj.trainer(model, vj.objectives.elbo(beta(step)), optax.adam(1e-3)))
    >>> float(taught.at(250).objective.settings["beta"]), float(taught.objective.settings["beta"])
    (1.0, 4.0)
    """

    def init(key: Key, batch: Example) -> State:
        return build(jnp.zeros((), int)).init(key, batch)

    def step(key: Key, state: State, batch: Example) -> tuple[State, Bound]:
        return build(state.step).step(key, state, batch)

    def params(state: State) -> Params:
        return build(state.step).params(state)

    ended = build(jnp.asarray(END, int))
    return Trainer(ended.model, ended.objective, init, step, build, params)


def unfinished(trainer: Trainer, num_steps: Number) -> list[str]:
    """A sentence for each setting of the objective whose schedule goes on after a run of `num_steps` steps.

    The value after the last step is compared with that at the end of time, so a schedule as long as the run has
    ended. Settings that are the objective's are seen; a learning rate, which is the optimizer's, is not.

    >>> import optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> beta = vj.schedules.linear(0.0, 1.0, 2500)
    >>> taught = scheduled(lambda step: vj.trainer(model, vj.objectives.elbo(beta(step)), optax.adam(1e-3)))
    >>> unfinished(taught, 1000)
    ['beta is 0.4 after the last of 1,000 steps and would go on to 1: its schedule is longer than the run']
    """
    num = require_count("num_steps", num_steps)
    last = trainer.at(jnp.asarray(num, int)).objective.settings
    return [
        f"{name} is {float(last[name]):.4g} after the last of {num:,} steps and would go on to {float(end):.4g}: "
        "its schedule is longer than the run"
        for name, end in trainer.objective.settings.items()
        if not np.isclose(float(last[name]), float(end), rtol=1e-5, atol=1e-9)
    ]
