"""What of the engine is timed. Whatever changes in there, this file is what follows it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

import vaejax as vj
from benchmarks.data import Bits
from benchmarks.networks import first_parameters
from benchmarks.trees import unflattened
from benchmarks.work import Work
from vaejax.data import Data
from vaejax.grid import _choice, _feed, _measure, _mesh, _program, _run, _threads, _training
from vaejax.grid._sweep import seen_by
from vaejax.train import Batches
from vaejax.types import VAE, Example, Params, Trainer

FOR_LONG = 10**9  # steps for which a plan is chosen: trials pay


class Advance(NamedTuple):
    """A grid of equal members, from given parameters: the engine's own training of it.

    params: of its members now, `[member, ...]`.
    """

    model: VAE
    training: _training.Training

    @property
    def params(self) -> Params:
        """Of the members as they are now."""
        return self.training.here()[0][0].params


def advanced(advance: Advance, first: int, num: int) -> None:
    """The steps `first`, ..., `first + num - 1` of every member, until they are done."""
    while num:
        now = min(num, advance.training.feed.longest)
        advance.training.advance(first, now)
        first, num = first + now, num - now


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


def program_of(work: Work) -> _program.Program:
    """One architecture whose members differ by beta, which is traced, and share a seed; here all betas are one."""
    blank = Example(jnp.zeros((work.batch, work.size, work.size)))
    trainers = (trainer_of(work),) * work.members
    numbers = {"beta": np.ones(work.members, np.float32)}
    seeds = np.zeros(work.members, np.uint32)

    def build(numbers: Mapping[str, Any]) -> Trainer:
        return trainer_of(work, numbers["beta"])

    return _program.Program(build, tuple(range(work.members)), numbers, {}, seeds, trainers, blank)


def parameters_of(work: Work, trainer: Trainer) -> Params:
    """The first parameters in the shapes of this library."""
    blank = Example(jnp.zeros((1, work.size, work.size)))
    like = jax.eval_shape(trainer.model.init, jax.random.key(0), blank)
    return unflattened(first_parameters(work), like)


class Plans(NamedTuple):
    """train: a grid by a plan. candidates: what the engine would try. choose: what it takes for a long run."""

    train: Callable[[vj.Plan], _training.Training]
    candidates: Sequence[vj.Plan]
    choose: Callable[[], tuple[_choice.Choice, _training.Training]]


def plans_of(work: Work, bits: Bits, mesh: Mesh) -> Plans:
    """How a grid of this work can be trained."""
    data, program = data_of(bits), program_of(work)
    batches = Batches(seen_by(program, data).example, work.batch, len(data.train))
    feed = _feed.feed_of(data.raw("train"), batches, program.seeds, _run.training_key, mesh)

    def train(plan: vj.Plan) -> _training.Training:
        return _training.Training(program, batches, data, feed, plan, mesh, np.arange(work.members))

    plans = _choice.candidates(program.seeds, int(_measure.num_params(program).max()), mesh)
    return Plans(train, plans, lambda: _choice.choose(train, plans, FOR_LONG, _choice.memory_of(mesh)))


def training_of(work: Work, bits: Bits, mesh: Mesh, plan: vj.Plan | None = None) -> _training.Training:
    """The training of a grid of this work, by the plan that `sweep` takes by itself where it trains for long."""
    plans = plans_of(work, bits, mesh)
    if plan is not None:
        return plans.train(plan)
    choice, training = plans.choose()
    print(f"{work.title}: {choice}", file=sys.stderr)
    return training


def advance_of(work: Work, bits: Bits, plan: vj.Plan | None = None) -> Advance:
    """The training of a grid, on the devices that there are."""
    training = training_of(work, bits, _mesh.mesh_for(work.members), plan).begin()
    trainer = training.program.trainers[0]
    params = parameters_of(work, trainer)
    (state, shown), kept = training.here()
    own = jax.tree.map(lambda leaf, like: np.broadcast_to(leaf, like.shape), params, state.params)
    return Advance(trainer.model, training.begin(((state._replace(params=own), shown), kept)))


def lowered_of(work: Work, bits: Bits, mesh: Mesh) -> Any:
    """The training program of a grid over a mesh of devices that need not be there, lowered: members in one group."""
    return training_of(work, bits, mesh, vj.together).lowered


def measure_of(work: Work, bits: Bits) -> Callable[[int], np.ndarray]:
    """`num -> [num]`, the log likelihoods of the first test images, by the program that `sweep` measures with."""
    data, program = data_of(bits), program_of(work)
    batches = Batches(seen_by(program, data).example, 1, 1)
    mesh = _mesh.mesh_for(1)
    compiled = _run.compile_for(program, batches, mesh)
    params = jax.tree.map(lambda leaf: leaf[None], parameters_of(work, program.trainers[0]))
    numbers = {name: jnp.asarray(values) for name, values in program.numbers.items()}

    size, draws = max(1, work.steps // 4), jnp.asarray(work.num_samples)
    first = next(_run.chunks_of(data.raw("test"), size))
    measuring = _threads.ahead(compiled.measure, numbers, params, first, draws)

    def measured(chunk: _run.Chunk) -> np.ndarray:
        return np.asarray(measuring(numbers, params, chunk, draws)[0].log_likelihood)

    def measure(num: int) -> np.ndarray:
        some = jax.tree.map(lambda leaf: leaf[:num], data.raw("test"))
        found = _threads.on_threads(measured, _run.chunks_of(some, size), _threads.threads_for(mesh))
        return np.concatenate(list(found), axis=1)[0, :num]

    return measure
