"""The decoder of a member as a program for a page, and how far it is from the library's."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from vaejax import verbs
from vaejax.report.live._convolutions import seen
from vaejax.report.live._interpreter import run
from vaejax.report.live._tape import NotLive, Step
from vaejax.report.live._trace import traced
from vaejax.report.live._types import Live
from vaejax.report.live._weights import runs_of, stored
from vaejax.types import VAE, Example, Key, Params

MOST_NUMBERS = 400_000  # of two bytes; they are four thirds as many in the page
MOST_WORK = 20_000_000  # multiply-adds of one picture, which take 1 to 2 ns each in Chromium
ENTRY = 8  # multiply-adds that an entry of any other step counts as
DRAWS = 256  # of the prior, on which the two decoders are compared
BEYOND = 2.0  # times the largest difference there: sliders go where draws of the prior are rare
SUMS = 1e-5  # of the largest entry: a browser sums in another order
COARSE = 0.05  # of the largest entry, the tolerance at which the pictures are no longer the same


def live_of(
    key: Key, model: VAE, params: Params, context: PyTree = None, most_numbers: int = MOST_NUMBERS
) -> Live | None:
    """`z -> vj.decode(model, params, z, context)` as a program that a page can run; `None` where it can not.

    The weights are rounded to float16; `tolerance` says how far an entry of the mean may be from the library's: twice
    the largest difference on 256 draws of the prior, and 1e-5 of the largest entry for the order of sums. There is no
    program where latents are discrete or of several numbers, where an operation is not known to the page, or where a
    picture would take more than 20 million multiply-adds or `most_numbers` weights: `live_or_reason` says which.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4, 4), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4, 4)))
    >>> live = live_of(jax.random.key(1), model, params)
    >>> live.program["latents"], live.weights.dtype, live.tolerance < 0.01
    (2, dtype('float16'), True)
    """
    live = live_or_reason(key, model, params, context, most_numbers)
    return live if isinstance(live, Live) else None


def live_or_reason(
    key: Key, model: VAE, params: Params, context: PyTree = None, most_numbers: int = MOST_NUMBERS
) -> Live | str:
    """As `live_of`; where there is no program, the reason in words.

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4, 4), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4, 4)))
    >>> live_or_reason(jax.random.key(1), model, params, most_numbers=100)
    'it has 288 numbers, and a page carries 100'
    """
    try:
        return _live(key, model, params, context, most_numbers)
    except NotLive as reason:
        return str(reason)


def encoded(weights: np.ndarray) -> str:
    """The weights as `fromHalf` of decoder.js reads them.

    >>> encoded(np.array([1.0, -2.0], np.float16))
    'ADwAwA=='
    """
    return base64.b64encode(np.asarray(weights, "<f2").tobytes()).decode()


def _live(key: Key, model: VAE, params: Params, context: PyTree, most_numbers: int) -> Live:
    active = model.active()
    if active.ndim != 1:
        raise NotLive(f"its latents are arrays of {active.shape[1:]} numbers")
    z = _draws(key, model, params, context)

    def decode(z: Array) -> Array:
        return verbs.decode(model, params, z, context)

    program, weights = program_of(decode, z[0])
    if len(weights) > most_numbers:
        raise NotLive(f"it has {len(weights):,} numbers, and a page carries {most_numbers:,}")
    return Live(program, weights, _tolerance(decode, program, weights, z))


def program_of(decode: Callable[[Array], Array], z: Array) -> tuple[dict[str, Any], np.ndarray]:
    """The program of a function of one z as JSON, and its weights. Raises: NotLive."""
    tape, output = traced(decode, z)
    work = sum(_work_of(step) for step in tape.entries if isinstance(step, Step))
    if work > MOST_WORK:  # said before the weights of a large one are written
        raise NotLive(f"a picture takes {work:,} multiply-adds, and a page does {MOST_WORK:,} at a time")
    constants, numbers, steps = [], [np.zeros(0, np.float16)], []
    for entry in tape.entries[1:]:
        if isinstance(entry, Step):
            table = {} if "table" not in entry.how else {"runs": runs_of(entry.how["table"])}
            rest = {name: value for name, value in entry.how.items() if name != "table"}
            steps.append([entry.op, list(entry.reads), entry.size, {**rest, **table}])
        elif entry is not None:
            constant, parts = stored(entry, sum(map(len, numbers)))
            constants.append(constant)
            numbers.append(parts)
    program = {"latents": len(z), "constants": constants, "steps": steps, "output": output.index}
    return program, np.concatenate(numbers)


def _work_of(step: Step) -> int:
    if step.op == "matmul":
        return step.size * step.how["inner"]
    if step.op == "conv":
        return int((seen(step.how) >= 0).sum()) * step.how["channels"] * step.how["features"]
    return ENTRY * step.size * step.how.get("num", 1)


def _draws(key: Key, model: VAE, params: Params, context: PyTree) -> np.ndarray:
    """`[DRAWS, latent]` of the prior. Raises: NotLive where they repeat: such latents have no way between values."""
    example = Example(jnp.zeros(model.data_shape), context)
    draw = jax.jit(jax.vmap(lambda key: model.sample_prior(key, params, example)))
    z = np.asarray(draw(jax.random.split(key, DRAWS)))
    if any(len(np.unique(column)) < DRAWS / 2 for column in z[:, np.asarray(model.active()) != 0].T):
        raise NotLive("it has discrete latents")
    return z


def _tolerance(decode: Callable[[Array], Array], program: dict[str, Any], weights: np.ndarray, z: np.ndarray) -> float:
    expected = np.asarray(jax.jit(jax.vmap(decode))(z)).reshape(len(z), -1)
    found = run(program, weights, z)
    if not (np.all(np.isfinite(expected)) and np.all(np.isfinite(found))):
        raise NotLive("its pictures are not finite")
    largest = float(np.max(np.abs(expected), initial=0))
    tolerance = BEYOND * float(np.max(np.abs(found - expected), initial=0)) + SUMS * largest
    if tolerance > COARSE * largest:
        raise NotLive(f"with float16 weights its entries are off by {tolerance:.2g}, the largest being {largest:.2g}")
    return tolerance
