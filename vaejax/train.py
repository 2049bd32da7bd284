"""Time: an optimizer's step, and a segment of epochs as one program. The one minus sign is here."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Shaped

from vaejax.errors import VaejaxError
from vaejax.types import VAE, Bound, Example, Key, Objective, Params, State, Trainer

FOR_NETWORKS = 2**32 - 1  # objectives split the key of a step: `split(key, n)[i]` is `fold_in(key, i)`


def trainer(model: VAE, objective: Objective, optimizer: optax.GradientTransformation) -> Trainer:
    """A model, what it maximises and how: pure `init` and `step`, with any optax transformation.

    A step gives every example a key, so its networks are in training: dropout holds in them and nowhere else.
    Give a learning rate that varies over a grid as an array: a Python float is a constant of the program.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> taught = trainer(model, vj.objectives.elbo(), optax.adam(1e-3))
    >>> batch = vj.Example(jnp.zeros((3, 4)))
    >>> state, bound = jax.jit(taught.step)(jax.random.key(1), taught.init(jax.random.key(0), batch), batch)
    >>> int(state.step)
    1
    """

    def init(key: Key, batch: Example) -> State:
        params = objective.init(key, model, batch)
        return State(jnp.zeros((), int), params, optimizer.init(params))

    def step(key: Key, state: State, batch: Example) -> tuple[State, Bound]:
        keyed = _keyed(key, batch)

        def loss(params: Params) -> tuple[Array, Bound]:
            bound = objective.evaluate(key, model, params, keyed)
            return -bound.value, bound

        gradients, bound = jax.grad(loss, has_aux=True)(state.params)
        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        return State(state.step + 1, optax.apply_updates(state.params, updates), opt_state), bound

    return Trainer(model, objective, init, step)


def _keyed(key: Key, batch: Example) -> Example:
    """A key for each example, so that its networks are in training; those who brought one keep it."""
    if batch.key is not None:
        return batch
    return batch._replace(key=jax.random.split(jax.random.fold_in(key, FOR_NETWORKS), len(batch.x)))


def by_name(rest: optax.GradientTransformation, **named: optax.GradientTransformation) -> optax.GradientTransformation:
    """An optimizer for each top-level name of the parameters, `rest` for those that are not named.

    >>> optimizer = by_name(optax.adam(1e-3), likelihood=optax.sgd(1.0))
    >>> state = optimizer.init({"encoder": jnp.zeros(2), "likelihood": jnp.zeros(1)})
    """

    def labels(params: Params) -> Params:
        missing = set(named) - set(params)
        if missing:
            raise VaejaxError(f"no parameters named {sorted(missing)}; there are {sorted(params)}")
        return {
            name: jax.tree.map(lambda _, name=name: name if name in named else "rest", sub)
            for name, sub in params.items()
        }

    return optax.partition({"rest": rest, **named}, labels)


class Batches(NamedTuple):
    """How examples come to a step: `size` at a time in a new order each epoch, seen through `view(key, raw) -> x`.

    drop_last: leave out the examples that do not fill a batch; otherwise they come in one padded with weight 0.
    """

    view: Callable[[Key, Array], Array]
    size: int
    drop_last: bool = False


def segment(
    trainer: Trainer,
    batches: Batches,
    key: Key,
    state: State,
    raw: Shaped[Array, "num *event"],
    first_epoch: Int[Array, ""],
    num_epochs: Int[Array, ""],
) -> tuple[State, Bound]:
    """Train for `num_epochs` epochs; the state and the mean bound over the last epoch, as it was trained.

    Epoch e depends on `key` and e alone, so a run may be cut into segments anywhere. Both counts may be traced.
    """

    def epoch(index: Int[Array, ""], carry: tuple[State, Bound]) -> tuple[State, Bound]:
        return _epoch(trainer, batches, jax.random.fold_in(key, index), carry[0], raw)

    zero = jnp.zeros(())
    return jax.lax.fori_loop(first_epoch, first_epoch + num_epochs, epoch, (state, Bound(zero, zero, zero)))


def _epoch(trainer: Trainer, batches: Batches, key: Key, state: State, raw: Array) -> tuple[State, Bound]:
    order_key, view_key, step_key = jax.random.split(key, 3)
    rows, weights = _rows(order_key, len(raw), batches)

    def step(carry: tuple[State, Bound], at: tuple[Array, Array, Array]) -> tuple[tuple[State, Bound], None]:
        state, total = carry
        index, rows, weight = at
        keys = jax.random.split(jax.random.fold_in(view_key, index), batches.size)
        batch = Example(jax.vmap(batches.view)(keys, raw[rows]), weight=weight)
        state, bound = trainer.step(jax.random.fold_in(step_key, index), state, batch)
        return (state, jax.tree.map(lambda a, b: a + b * jnp.sum(weight), total, bound)), None

    zero = jnp.zeros(())
    start = (state, Bound(zero, zero, zero))
    (state, total), _ = jax.lax.scan(step, start, (jnp.arange(len(rows)), rows, weights))
    return state, jax.tree.map(lambda a: a / jnp.sum(weights), total)


def _rows(key: Key, num: int, batches: Batches) -> tuple[Int[Array, "steps size"], Float[Array, "steps size"]]:
    """A permutation cut into batches, and a weight of zero for what fills up the last one."""
    num_steps = num // batches.size if batches.drop_last else -(-num // batches.size)
    if num_steps == 0:
        raise VaejaxError(f"a batch of {batches.size} with drop_last needs as many examples, got {num}")
    length = num_steps * batches.size
    order = jax.random.permutation(key, num)
    rows = jnp.resize(order, (num_steps, batches.size))
    weights = np.where(np.arange(length) < num, 1.0, 0.0).reshape(num_steps, batches.size)
    return rows, jnp.asarray(weights, float)
