"""An optimizer's step. The one minus sign is here."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from vaejax.bound import FOR_NETWORKS, FOR_UPKEEP
from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.train._microbatches import in_turn
from vaejax.types import VAE, Bound, Example, Key, Number, Objective, Params, Scalar, State, Trainer

if TYPE_CHECKING:
    from optax import GradientTransformation
else:
    GradientTransformation = Any  # optax is imported when an optimizer is first used


def trainer(
    model: VAE, objective: Objective, optimizer: GradientTransformation, *, microbatches: Number = 1
) -> Trainer:
    """A model, what it maximises and how: pure `init` and `step`, with any optax transformation.

    A step gives every example a key, so its networks are in training: dropout holds in them and nowhere else.
    Give a learning rate that varies over a grid as an array: a Python float is a constant of the program.

    microbatches: a batch goes through the networks in so many pieces, one after another, and the step is taken with
        their mean gradient, each piece counting by its weight; so memory grows with a piece: 512 examples in two nets
        of 8 layers of 64 took 6.3 MB beside the state, and 1.7 MB in 4 pieces. Each example keeps its draws of z.
        Error: rounding, where `value` is a mean over examples; after 1,000 steps on the digits four pieces gave the
        same test bound to 0.00001 nats (experiments/precision.py). An objective of the batch as a whole, like
        `capacity`, a function of the mean rate, becomes the mean over its pieces, which is another objective.

    >>> import optax, vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> taught = trainer(model, vj.objectives.elbo(), optax.adam(1e-3))
    >>> batch = vj.Example(jnp.zeros((3, 4)))
    >>> state, bound = jax.jit(taught.step)(jax.random.key(1), taught.init(jax.random.key(0), batch), batch)
    >>> int(state.step)
    1
    """
    num_pieces = require_count("microbatches", microbatches)
    optimizer = _keeping(model, optimizer)

    def init(key: Key, batch: Example) -> State:
        params = objective.init(key, model, batch)
        return State(jnp.zeros((), int), params, optimizer.init(params))

    def gradient(key: Key, params: Params, batch: Example) -> tuple[Params, Bound]:
        def loss(params: Params) -> tuple[Scalar, Bound]:
            bound = objective.evaluate(key, model, params, batch)
            kept = model.upkeep(jax.random.fold_in(key, FOR_UPKEEP), params, batch)
            return -(bound.value + kept), bound

        return jax.grad(loss, has_aux=True)(params)

    def step(key: Key, state: State, batch: Example) -> tuple[State, Bound]:
        gradients, bound = in_turn(gradient, num_pieces)(key, state.params, _keyed(key, batch))
        import optax

        with jax.named_scope("update"):
            updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
        return State(state.step + 1, params, opt_state), bound

    def at(step: Number) -> Trainer:
        return made

    made = Trainer(model, objective, init, step, at, lambda state: state.params)
    return made


def _keeping(model: VAE, optimizer: GradientTransformation) -> GradientTransformation:
    """With the gradient as the step of what the model keeps by itself."""
    if not model.kept:
        return optimizer
    import optax

    return by_name(optimizer, **dict.fromkeys(model.kept, optax.sgd(1.0)))


def _keyed(key: Key, batch: Example) -> Example:
    """A key for each example, so that its networks are in training; those who brought one keep it."""
    if batch.key is not None:
        return batch
    return batch._replace(key=jax.random.split(jax.random.fold_in(key, FOR_NETWORKS), len(batch.x)))


def by_name(rest: GradientTransformation, **named: GradientTransformation) -> GradientTransformation:
    """An optimizer for each top-level name of the parameters, `rest` for those that are not named.

    >>> import optax
    >>> optimizer = by_name(optax.adam(1e-3), likelihood=optax.sgd(1.0))
    >>> state = optimizer.init({"encoder": jnp.zeros(2), "likelihood": jnp.zeros(1)})
    """

    import optax

    def labels(params: Params) -> Params:
        missing = set(named) - set(params)
        if missing:
            raise VaejaxError(f"no parameters named {sorted(missing)}; there are {sorted(params)}")
        return {
            name: jax.tree.map(lambda _, name=name: name if name in named else "rest", sub)
            for name, sub in params.items()
        }

    return optax.partition({"rest": rest, **named}, labels)
