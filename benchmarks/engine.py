"""What of the engine is timed. Whatever changes in there, this file is what follows it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import vaejax as vj
from benchmarks.data import Bits
from benchmarks.networks import first_parameters
from benchmarks.trees import unflattened
from benchmarks.work import Work
from vaejax.config import DEFAULTS
from vaejax.data import Data
from vaejax.grid import _devices, _feed, _plan, _run
from vaejax.grid._sweep import seen_by
from vaejax.train import Batches
from vaejax.types import VAE, Example, Params, Trainer

PLANS = {"together": vj.grid.together, "in_turn": vj.grid.in_turn}


class Advance(NamedTuple):
    """A grid of equal members, from given parameters.

    program: `(carry, *arguments) -> carry`, the compiled training program of the engine. arguments: of the steps
        `first`, ..., `first + num - 1`, and `longest` is how many they can be. carry: as it starts.
    params: of a carry, `[member, ...]`.
    """

    model: VAE
    program: Callable[..., Any]
    arguments: Callable[[int, int], tuple[Any, ...]]
    longest: int
    carry: Any
    params: Callable[[Any], Params]


def advanced(advance: Advance, carry: Any, first: int, num: int) -> Any:
    """The carry after the steps `first`, ..., `first + num - 1` of every member, when they are done."""
    while num:
        now = min(num, advance.longest)
        carry = advance.program(carry, *advance.arguments(first, now))
        first, num = first + now, num - now
    return jax.block_until_ready(carry)


def trainer_of(work: Work, beta: Any = 1.0) -> Trainer:
    """A member of a work, as a user would write it."""
    relu: dict[str, Any] = {"activation": jax.nn.relu}
    if work.channels:
        encoder = vj.nets.conv(*work.channels, hidden=work.hidden, **relu)
        decoder = vj.nets.deconv(*work.channels[::-1], hidden=work.hidden[::-1], **relu)
    else:
        encoder, decoder = vj.nets.mlp(*work.hidden, **relu), vj.nets.mlp(*work.hidden[::-1], **relu)
    model = vj.vae(
        encoder,
        decoder,
        data_shape=(work.size, work.size),
        latent_size=work.latent_size,
        likelihood=vj.likelihoods.bernoulli(),
    )
    return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-3))


def data_of(bits: Bits) -> Data:
    """The bits as the engine knows data."""
    return vj.data.arrays(train=bits.train, validation=bits.test[:100], test=bits.test, levels=2)


def program_of(work: Work) -> _plan.Program:
    """One architecture whose members differ by beta, which is traced, and share a seed; here all betas are one."""
    blank = Example(jnp.zeros((work.batch, work.size, work.size)))
    trainers = (trainer_of(work),) * work.members
    numbers = {"beta": np.ones(work.members, np.float32)}
    seeds = np.zeros(work.members, np.uint32)

    def build(numbers: Mapping[str, Any]) -> Trainer:
        return trainer_of(work, numbers["beta"])

    return _plan.Program(build, tuple(range(work.members)), numbers, {}, seeds, trainers, blank)


def parameters_of(work: Work, trainer: Trainer) -> Params:
    """The first parameters in the shapes of this library."""
    blank = Example(jnp.zeros((1, work.size, work.size)))
    like = jax.eval_shape(trainer.model.init, jax.random.key(0), blank)
    return unflattened(first_parameters(work), like)


def compiled_of(work: Work, data: Data, mesh: Mesh) -> tuple[_plan.Program, Batches, _run.Compiled]:
    """The programs that `sweep` compiles for a grid of this work, by the plan that it takes by itself."""
    program = program_of(work)
    batches = Batches(seen_by(program, data).example, work.batch, len(data.train))
    plan = PLANS[DEFAULTS["conv" if work.channels else "mlp"].plan]
    return program, batches, _run.compile_for(program, batches, mesh, plan)


class _Fed(NamedTuple):
    """What a grid's programs are given, but the carry."""

    program: _plan.Program
    compiled: _run.Compiled
    feed: _feed.Feed
    whose: tuple[Any, ...]  # numbers, seeds and slots, `[member]`
    few: Example  # the examples that initial weights may be made from


def _fed(work: Work, bits: Bits, mesh: Mesh) -> _Fed:
    data = data_of(bits)
    program, batches, compiled = compiled_of(work, data, mesh)
    feed = _feed.feed_of(data.raw("train"), batches, program.seeds, _run.training_key)
    whose = _devices.padded((dict(program.numbers), program.seeds, feed.slots), mesh)
    return _Fed(program, compiled, feed, whose, next(_run.chunks_of(data.raw("train"), work.batch)).raw)


def advance_of(work: Work, bits: Bits) -> Advance:
    """The training program of a grid, on the devices that there are."""
    mesh = _devices.member_mesh(work.members)
    program, compiled, feed, whose, few = _fed(work, bits, mesh)
    (state, shown), _ = compiled.start(*whose[:2], few)
    params = jax.tree.map(
        lambda leaf, like: jnp.broadcast_to(leaf, like.shape), parameters_of(work, program.trainers[0]), state.params
    )
    carry = jax.device_put((state._replace(params=params), shown), NamedSharding(mesh, P(_devices.MEMBER)))

    def arguments(first: int, num: int) -> tuple[Any, ...]:
        return (*whose, *feed.window(first, num), jnp.asarray(first), jnp.asarray(num))

    model = program.trainers[0].model
    return Advance(model, compiled.advance, arguments, feed.longest, carry, lambda carry: carry[0].params)


def shapes_of(work: Work, bits: Bits, mesh: Mesh) -> tuple[Any, tuple[Any, ...]]:
    """The training program of a grid over a mesh of devices that need not be there, and the shapes that it takes."""
    _, compiled, feed, whose, few = _fed(work, bits, mesh)
    carry, _ = jax.eval_shape(compiled.start, *whose[:2], few)
    shared = (*feed.window(0, 1), jnp.asarray(0), jnp.asarray(1))
    split, same = NamedSharding(mesh, P(_devices.MEMBER)), NamedSharding(mesh, P())

    def shapes(tree: Any, sharding: NamedSharding) -> Any:
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree)

    return compiled.advance, (*shapes((carry, *whose), split), *shapes(shared, same))


def measure_of(work: Work, bits: Bits) -> Callable[[int], np.ndarray]:
    """`num -> [num]`, the log likelihoods of the first test images, by the program that `sweep` measures with."""
    data, mesh = data_of(bits), _devices.member_mesh(1)
    program, _, compiled = compiled_of(work, data, mesh)
    params = jax.tree.map(lambda leaf: leaf[None], parameters_of(work, program.trainers[0]))
    numbers = {name: jnp.asarray(values) for name, values in program.numbers.items()}

    def measure(num: int) -> np.ndarray:
        some = jax.tree.map(lambda leaf: leaf[:num], data.raw("test"))
        found = [
            np.asarray(compiled.measure(numbers, params, chunk, jnp.asarray(work.num_samples))[0].log_likelihood)
            for chunk in _run.chunks_of(some, work.steps)
        ]
        return np.concatenate(found, axis=1)[0, :num]

    return measure
