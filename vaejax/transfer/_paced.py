from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.numerics import leaves_by_path, require_number
from vaejax.transfer._names import fits, require_all_fit
from vaejax.types import Number, Params

if TYPE_CHECKING:
    from optax import GradientTransformation, Schedule
else:
    GradientTransformation = Any  # optax is imported when an optimizer is first used
    Schedule = Any

Pace: TypeAlias = Any  # a number, or a schedule: a function of the step


class Paced(NamedTuple):
    """The optimizer's state, and the steps that were made."""

    opt_state: Any
    step: Array


def paced(optimizer: GradientTransformation, paces: Mapping[str, Pace]) -> GradientTransformation:
    """The optimizer whose step of each parameter is multiplied by the pace of the first name that fits it; else by 1.

    A name like "encoder" or "encoder/hidden_0" stands for all below it, "*" for anything. A pace is a number or a
    schedule, a function of the step (from 0); either may be traced, so that it is an axis of a grid. 0 freezes: such a
    parameter does not move by a bit, weight decay included. So this is freezing by part (`{"decoder": 0.0}`),
    discriminative learning rates (`{"encoder": 0.1}`) and gradual unfreezing (`{"encoder": unfrozen_at(500)}`); by
    layer, see `by_depth`. Howard and Ruder (2018), arXiv:1801.06146.

    What the optimizer remembers of a frozen part goes on, so that Adam has its moments where it thaws, and a clip by
    the global norm within it sees all gradients. Cost: gradients of frozen parts are computed.
    Raises: VaejaxError, in `init`, where a name fits no parameter; where a pace is known and negative.

    >>> import optax
    >>> optimizer = paced(optax.sgd(1.0), {"decoder": 0.0, "encoder": 0.5})
    >>> params = {"encoder": jnp.zeros(1), "decoder": jnp.zeros(1), "prior": jnp.zeros(1)}
    >>> updates, _ = optimizer.update(jax.tree.map(jnp.ones_like, params), optimizer.init(params), params)
    >>> {name: float(update[0]) for name, update in updates.items()}
    {'decoder': 0.0, 'encoder': -0.5, 'prior': -1.0}
    """
    import optax

    for name, pace in paces.items():
        if not callable(pace):
            require_number(f"the pace of {name}", pace, least=0.0)

    def init(params: Params) -> Paced:
        require_all_fit(paces, leaves_by_path(params))
        return Paced(optimizer.init(params), jnp.zeros((), int))

    def update(updates: Params, state: Any, params: Params | None = None, **more: Any) -> tuple[Params, Paced]:
        steps, opt_state = optax.with_extra_args_support(optimizer).update(updates, state.opt_state, params, **more)
        now = {name: pace(state.step) if callable(pace) else pace for name, pace in paces.items()}
        leaves = {path: _multiplied(step, _first(path, now)) for path, step in leaves_by_path(steps).items()}
        return jax.tree.unflatten(jax.tree.structure(steps), leaves.values()), Paced(opt_state, state.step + 1)

    return optax.GradientTransformationExtraArgs(init, update)


def unfrozen_at(step: Number) -> Schedule:
    """0 before a step, 1 from it on: the pace of a part that thaws. The step counts from 0 and may be traced.

    >>> pace = unfrozen_at(3)
    >>> [float(pace(step)) for step in (0, 2, 3, 4)]
    [0.0, 0.0, 1.0, 1.0]
    """
    require_number("the step at which a part thaws", step, least=0.0)
    return lambda now: jnp.where(now >= step, 1.0, 0.0)


def by_depth(params: Params, pace: Callable[[int], Pace]) -> dict[str, Pace]:
    """A pace for each layer of encoder and decoder, for `paced`: `pace(depth)`, counted from the latents, from 0.

    Layers near the data are deep on either side: `lambda depth: 0.4**depth` moves most what is near the latents,
    `lambda depth: unfrozen_at(500 * depth)` thaws it first. Layers are ordered as `nets.mlp`, `nets.conv` and
    `nets.deconv` compute them; in other networks by name and number, "Dense_0" before "Dense_1".

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8, 8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> by_depth(vj.init(jax.random.key(0), model, jnp.zeros((1, 4))), lambda depth: 0.5**depth)
    {'encoder/output': 1.0, 'encoder/hidden_1': 0.5, 'encoder/hidden_0': 0.25, 'decoder/hidden_0': 1.0, \
'decoder/output': 0.5}
    """
    found: dict[str, Pace] = {}
    for part in ("encoder", "decoder"):
        groups = [name for name in params[part] if name.startswith("group_")]
        for where, net in [(f"{part}/{name}", params[part][name]) for name in groups] or [(part, params[part])]:
            layers = sorted(net, key=_order)
            outwards = layers if part == "decoder" else layers[::-1]
            found |= {f"{where}/{layer}": pace(depth) for depth, layer in enumerate(outwards)}
    return found


def _order(layer: str) -> tuple[int, str, int]:
    """Convolutions come before dense layers, transposed ones after them, the output last."""
    kinds = {"conv": 0, "hidden": 1, "deconv": 2, "output": 3}
    kind, _, number = layer.rpartition("_") if layer[-1:].isdigit() else (layer, "", "0")
    return kinds.get(kind, 1), kind, int(number)


def _first(path: str, paces: Mapping[str, Any]) -> Any:
    return next((pace for name, pace in paces.items() if fits(path, name)), 1.0)


def _multiplied(step: Array, pace: Number) -> Array:
    """0 times a step that is not finite is 0 too."""
    pace = jnp.asarray(pace, step.dtype)
    return jnp.where(pace == 0, jnp.zeros_like(step), pace * step)
