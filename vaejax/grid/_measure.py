"""From trained members to numbers: every example of every split exactly once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from vaejax.data import Data
from vaejax.grid._devices import padded
from vaejax.grid._hosts import on_host
from vaejax.grid._mesh import flat, mesh_for
from vaejax.grid._program import Program
from vaejax.grid._run import Chunk, chunks_of, compile_for
from vaejax.grid._threads import ahead, on_threads, threads_for
from vaejax.metrics import active_units
from vaejax.model import shapes_of
from vaejax.train import Batches
from vaejax.types import Example, Params

ACTIVE = 0.01  # variance of the means of a latent that is used, as in active_units


class Split(NamedTuple):
    """Of each member and example, float64 `[member, example]`; means: of q(z|x), `[member, example, *latent]`."""

    distortion: np.ndarray
    rate: np.ndarray
    log_likelihood: np.ndarray
    ess: np.ndarray
    means: np.ndarray

    @property
    def elbo(self) -> np.ndarray:
        """-(distortion + rate), the bound at beta 1."""
        return -(self.distortion + self.rate)


def measure(
    program: Program,
    params: Params,
    data: Data,
    num_samples: int,
    poll: Callable[[], None] = lambda: None,
    mesh: Mesh | None = None,
) -> dict[str, np.ndarray]:
    """Every measure of the members of a program, by name, `[member, ...]`; `params` are stacked over them.

    num_samples: draws of z for every example of validation and test. Settings are chosen by log p(x) on validation, so
        its bias is to be that of test.
    poll: called between chunks of examples; what it raises ends the measuring.
    mesh: the devices to use, all by default; here each has members of its own.
    """
    mesh = mesh_for(len(program.rows), flat(mesh))
    compiled = compile_for(program, Batches(data.example, 1, 1), mesh)
    numbers, params = padded((dict(program.numbers), params), mesh)
    first, draws = next(chunks_of(data.raw("validation"))), jnp.asarray(num_samples)
    at_once = threads_for(mesh)
    measuring = ahead(compiled.measure, numbers, params, first, draws)
    scoring = ahead(compiled.score, numbers, params, first)

    def measured(chunk: Chunk) -> Any:
        return jax.block_until_ready(measuring(numbers, params, chunk, draws))

    def scored(chunk: Chunk) -> Any:
        return jax.block_until_ready(scoring(numbers, params, chunk))

    def split(raw: Example) -> Split:
        found = []
        for one in on_threads(measured, chunks_of(raw), at_once):
            found.append(on_host(one))
            poll()
        members, examples = slice(len(program.rows)), slice(len(raw.x))
        joined = jax.tree.map(lambda *a: np.concatenate(a, axis=1)[members, examples].astype(float), *found)
        return Split(*joined[0], joined[1])

    def score(raw: Example) -> np.ndarray:
        total = np.zeros(len(program.rows))
        for one in on_threads(scored, chunks_of(raw), at_once):
            total += on_host(one).astype(float)[: len(program.rows)]
            poll()
        return total / len(raw.x)

    validation, test = split(data.raw("validation")), split(data.raw("test"))
    return {
        "distortion": test.distortion.mean(1),
        "rate": test.rate.mean(1),
        "elbo": test.elbo.mean(1),
        "log_likelihood": test.log_likelihood.mean(1),
        "log_likelihood_se": _standard_error(test.log_likelihood),
        "effective_sample_size": np.median(test.ess, axis=1),
        "elbo_train": score(data.raw("train")),
        "elbo_validation": validation.elbo.mean(1),
        "active_units": np.array([int(active_units(jnp.asarray(m))) for m in test.means]),
        "largest_code": np.array([_largest_code(means) for means in test.means]),
        "num_params": num_params(program),
        "elbo_validation_examples": validation.elbo,
        "elbo_test_examples": test.elbo,
        "distortion_validation_examples": validation.distortion,
        "distortion_test_examples": test.distortion,
        "log_likelihood_validation_examples": validation.log_likelihood,
        "log_likelihood_test_examples": test.log_likelihood,
    }


def _standard_error(values: np.ndarray) -> np.ndarray:
    """Of the mean over examples; not known, NaN, from one example, and where values are infinite, as of a point."""
    num = values.shape[1]
    with np.errstate(invalid="ignore"):
        return values.std(1, ddof=1) / np.sqrt(num) if num > 1 else np.full(len(values), np.nan)


def _largest_code(means: np.ndarray) -> float:
    """How far the farthest code lies from the mean of all, along an active latent, in standard deviations."""
    codes = means.reshape(len(means), -1)
    spread = codes.std(0)
    used = spread**2 > ACTIVE
    return float((np.abs(codes - codes.mean(0))[:, used] / spread[used]).max(initial=0.0))


def num_params(program: Program) -> np.ndarray:
    """How many numbers each compact model learns."""
    counts: dict[tuple, int] = {}  # members that differ by their seed alone are counted once
    rows = [tuple(values[at].item() for values in program.numbers.values()) for at in range(len(program.rows))]
    for at, row in enumerate(rows):
        if row not in counts:
            model = program.trainers[at].model.compact()
            counts[row] = sum(leaf.size for leaf in jax.tree.leaves(shapes_of(model, program.batch)))
    return np.array([counts[row] for row in rows])
