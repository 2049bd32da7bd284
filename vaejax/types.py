"""The contracts. Everything is in nats per example: summed over the entries of an example, averaged over a batch.

A concept is a `NamedTuple` of pure functions, made by a lower-case factory. A `Family` knows one event, a `VAE` one
example, an `Objective` a batch, a `Trainer` time and the grid members: each floor adds one leading axis, and no floor
below has heard of it. Whatever training changes is a parameter; how it changes is the optimizer's business. Only a
model opens an example and only a family opens its stats: objectives and metrics see neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, Shaped

Key: TypeAlias = PRNGKeyArray
Shape: TypeAlias = tuple[int, ...]
Number: TypeAlias = Any  # a Python number, or a scalar array that may be traced
Params: TypeAlias = Any  # nested dicts of arrays; () where nothing is learned
Event: TypeAlias = Shaped[Array, "*event"]
Latent: TypeAlias = Float[Array, "*latent"]
Stats: TypeAlias = Float[Array, "num_stats *event"]  # unconstrained reals
Parts: TypeAlias = Float[Array, "*parts"]  # terms of a log density; their sum is it
Scalar: TypeAlias = Float[Array, ""]


class Example(NamedTuple):
    """One thing to model; a batch is an `Example` with a leading axis on every leaf. `None` leaves vanish.

    x: what the likelihood explains.
    context: what encoder, decoder and prior may look at and nobody explains.
    observed: one where `x` was seen, of the shape of `x`; `None` is everywhere.
    weight: how much the example counts in an average over a batch (0: it fills the last batch); `None` is 1.
    key: randomness for the networks (dropout, corruption); `None` is evaluation.
    index: its place in the batch, which its draws come from; `None` is where it stands. A part of a batch has it.
    """

    x: Event
    context: PyTree = None
    observed: Shaped[Array, "*event"] | None = None
    weight: Shaped[Array, ...] | None = None
    key: Key | None = None
    index: Shaped[Array, ...] | None = None


class Net(NamedTuple):
    """A network as two pure functions.

    init: `(key, inputs, outputs)`, arrays that show the shapes. An input that is zero here counts for no fan-in, and
        an output that is zero here is never used: its weights start at zero.
    apply: `(params, inputs, key)`; `inputs` is any pytree and `key=None` is evaluation.
    inputs_maskable, outputs_maskable: whether `init` does so on either side. A model whose latents are masked beside a
        network that does not is built at its true size, so that a grid has a program for each.
    """

    init: Callable[[Key, PyTree, Array], Params]
    apply: Callable[[Params, PyTree, Key | None], Array]
    inputs_maskable: bool = True
    outputs_maskable: bool = True


NetBuilder: TypeAlias = Callable[[Shape], Net]  # from the shape of the output, [num_stats, *event]


class Support(NamedTuple):
    """The values on which a family is a distribution.

    levels: how many values there are, evenly spaced from low to high (a mass function), like n for 0, 1/(n-1), ..., 1,
        and infinity for the counts 0, 1, 2, ...; `None` for the interval [low, high] (a density).
    name: in words, where an event is not just any array of such values, as on a sphere.
    """

    levels: float | None
    low: float
    high: float
    name: str = ""

    @property
    def step(self) -> float:
        """From one value to the next; 0 in an interval."""
        if self.levels is None:
            return 0.0
        return 1.0 if self.levels == float("inf") else (self.high - self.low) / (self.levels - 1)

    def __str__(self) -> str:
        if self.name:
            return self.name
        if self.levels is None:
            return "the reals" if self.low == -float("inf") else f"the interval [{self.low:g}, {self.high:g}]"
        if self.levels == float("inf"):
            return "the counts 0, 1, 2, ..."
        if self.low != 0:
            return f"the {self.levels} levels from {self.low:g} to {self.high:g}"
        return "{0, 1}" if self.levels == 2 else f"the {self.levels} levels 0, 1/{self.levels - 1}, ..., 1"


class Family(NamedTuple):
    """A distribution over one event given `stats`: a likelihood, a posterior or a prior.

    `stats` is `[num_stats, *event]`, also when `num_stats` is 0: it tells the shape.
    init: parameters that are global, not a network's output: `(key, event_shape)`.
    sample: an event and its log density, which may be known only along the sample.
    log_prob: normalised, in independent parts: one per entry only if entries are independent.
    mean: of the event; `None` where it is not known, as of a flow: such a family can only be a prior.
    support: where events lie.
    masked: `active -> Family`, the family on the entries where `active` is one; the others are zero and cost nothing.
        `None` where it cannot be narrowed: a model with it is built at its true size.
    unit_shape: of one latent. () is a number, and (8,) a one-hot of eight classes or a code of eight numbers: an event
        is then `[latent, 8]`, and so are `active` and each row of stats; a mask takes whole latents.
    """

    name: str
    num_stats: int
    init: Callable[[Key, Shape], Params]
    sample: Callable[[Key, Params, Stats], tuple[Event, Parts]]
    log_prob: Callable[[Params, Stats, Event], Parts]
    mean: Callable[[Params, Stats], Event] | None
    support: Support
    masked: Callable[[Array], Family] | None
    unit_shape: Shape = ()


class Draw(NamedTuple):
    """z ~ q(z | x) and what it cost.

    log_q: along the sample, in independent parts; importance weights use it.
    rate: terms that sum to KL(q || p), in closed form where one is known, else to log q - log p at z.
    """

    z: Latent
    log_q: Parts
    rate: Parts


def no_upkeep(key: Key, params: Params, batch: Example) -> Scalar:
    """`VAE.upkeep` of a model all of whose parameters climb."""
    return jnp.zeros(())


class VAE(NamedTuple):
    """p(z) p(x | z) and q(z | x), one example at a time. `params` is all there is: any function may use any of it.

    init: from a batch, as some parameters start as data. Their top-level names: encoder, decoder, prior_net, posterior,
        prior, likelihood.
    sample: z ~ q(z | x).  encode: the mean of q(z | x).  decode: the mean of p(x | z).
    compact: the same model at its true, smaller shapes; its `params` are prefixes of ours (`model.compacted`).
        It raises where a size is traced.
    active: one for each latent in use, zero for the others. Who looks at z itself, or at a term for each latent, leaves
        those out: they are zero and so are their terms, which is not what every function of them makes of nothing.
    upkeep: `(key, params, batch)`, zero, whose gradient is how parameters move that do not climb, like running means
        (`numerics.towards`); a trainer adds it to whatever its objective is.
    kept: the top-level names of the parameters that `upkeep` alone moves: a trainer takes its gradient as their step,
        whatever the optimizer.
    """

    init: Callable[[Key, Example], Params]
    encode: Callable[[Params, Example], Latent]
    sample: Callable[[Key, Params, Example], Draw]
    decode: Callable[[Params, Latent, Example], Event]
    log_posterior: Callable[[Params, Latent, Example], Parts]
    log_prior: Callable[[Params, Latent, Example], Parts]
    log_likelihood: Callable[[Params, Latent, Example], Parts]
    sample_prior: Callable[[Key, Params, Example], Latent]
    sample_likelihood: Callable[[Key, Params, Latent, Example], Event]
    compact: Callable[[], VAE]
    data_shape: Shape
    likelihood: Family  # for whoever feeds the model to check that it is a distribution on the data
    active: Callable[[], Latent]
    upkeep: Callable[[Key, Params, Example], Scalar] = no_upkeep
    kept: tuple[str, ...] = ()


class Bound(NamedTuple):
    """value: training ascends its gradient, for every parameter there is.

    distortion: -E_q log p(x | z). rate: KL(q || p), unweighted and summed.
    """

    value: Scalar
    distortion: Scalar
    rate: Scalar


class Objective(NamedTuple):
    """What training maximises, over a batch.

    init: all of `params`: the model's, and its own under "objective" if it has any.
    formula: what `value` is, in terms of `settings`, the numbers in force (they may be traced).
    """

    init: Callable[[Key, VAE, Example], Params]
    evaluate: Callable[[Key, VAE, Params, Example], Bound]
    formula: str
    settings: Mapping[str, Number]


class State(NamedTuple):
    """All that survives a step."""

    step: Shaped[Array, ""]
    params: Params
    opt_state: Any


class Trainer(NamedTuple):
    """A model, what it maximises, and one step of it.

    model, objective: what is measured and handed over: those at the end of time, where hyper-parameters change.
    at: the trainer in force at a step, with `model` and `objective` of that step.
    params: what is measured and handed over of a state: its parameters, or an average of those it had.
    """

    model: VAE
    objective: Objective
    init: Callable[[Key, Example], State]
    step: Callable[[Key, State, Example], tuple[State, Bound]]
    at: Callable[[Number], Trainer]
    params: Callable[[State], Params]


Metric: TypeAlias = Callable[[Key, VAE, Params, Example], Any]
