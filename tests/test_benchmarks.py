"""The benchmarks measure what they say: the same work in every way, its operations counted exactly."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import vaejax as vj
from benchmarks.data import Bits
from benchmarks.engine import parameters_of, trainer_of, training_of
from benchmarks.networks import first_parameters, flops_of, layers_of
from benchmarks.profile import PRODUCTS, computations_of, parts_of, seconds_of
from benchmarks.table import Timing, disagreements, rows_of, text_of
from benchmarks.ways.grid import loss_of
from benchmarks.ways.linen import linen_of
from benchmarks.work import CONV, DIGITS, FASHION, LIKELIHOOD, WORKS, work_from
from vaejax.grid._mesh import mesh_for

SMALL_CONV = CONV._replace(channels=(3, 5), hidden=(7,), latent_size=4, batch=6)
SMALL_MLP = FASHION._replace(hidden=(7, 6), latent_size=4, batch=6, size=9)
DEEP = DIGITS._replace(name="deep", hidden=(400, 300), size=16)


def reference(work, x):
    """Nats per example at z = the mean of q, in float64 and NumPy, convolutions tap by tap."""
    given = {name: leaf.astype(np.float64) for name, leaf in first_parameters(work).items()}
    h, mean, log_scale = x.astype(np.float64), None, None
    for layer in layers_of(work):
        kernel, bias = given[f"{layer.name}/kernel"], given[f"{layer.name}/bias"]
        if not layer.side:
            h = h.reshape(len(x), -1) @ kernel + bias
        elif layer.name.startswith("encoder"):
            seen = np.pad(h.reshape(len(x), layer.side, layer.side, -1), ((0, 0), (1, 1), (1, 1), (0, 0)))
            h = np.einsum("nhwcij,ijco->nhwo", sliding_window_view(seen, (4, 4), (1, 2))[:, ::2, ::2], kernel) + bias
        else:
            small = h.reshape(len(x), layer.side // 2, layer.side // 2, -1)
            spread = np.zeros((len(x), layer.side + 3, layer.side + 3, small.shape[-1]))  # zeros between pixels
            spread[:, 2:-1:2, 2:-1:2] = small
            h = np.einsum("nhwcij,ijco->nhwo", sliding_window_view(spread, (4, 4), (1, 2)), kernel) + bias
        if layer.name == "encoder/output":
            mean, log_scale = np.split(h, 2, axis=1)
            h = mean
        elif layer.name != "decoder/output":
            h = np.maximum(h, 0)
    logits = h.reshape(x.shape)
    distortion = (np.logaddexp(0, logits) - x * logits).sum((1, 2))
    rate = (0.5 * (np.exp(2 * log_scale) + mean**2 - 1) - log_scale).sum(1)
    return (distortion + rate).mean()


@pytest.fixture(params=[SMALL_MLP, SMALL_CONV], ids=["mlp", "conv"])
def work(request):
    return request.param


@pytest.fixture
def x(work):
    return np.random.default_rng(1).integers(0, 2, (work.batch, work.size, work.size))


def test_the_grid_starts_from_the_loss_of_float64(work, x):
    trainer = trainer_of(work)
    found = loss_of(trainer.model, parameters_of(work, trainer), jnp.asarray(x, float))
    assert float(found) == pytest.approx(reference(work, x), rel=1e-5)


def test_linen_starts_from_the_loss_of_float64(work, x):
    linen = linen_of(work)
    found = linen.loss(linen.state[0], jnp.asarray(x, float), jnp.zeros((work.batch, work.latent_size)))
    assert float(found) == pytest.approx(reference(work, x), rel=1e-5)


@pytest.mark.parametrize("work", [FASHION, DEEP, CONV], ids=lambda work: work.name)
def test_operations_are_those_that_xla_counts_in_a_plain_gradient(work):
    """It counts what is done entry by entry too, which is little in wide layers."""
    linen = linen_of(work)
    shapes = jnp.zeros((work.batch, work.size, work.size)), jnp.zeros((work.batch, work.latent_size))
    lowered = jax.jit(jax.grad(linen.loss)).lower(linen.state[0], *shapes)
    assert lowered.cost_analysis()["flops"] == pytest.approx(flops_of(work), rel=0.02)


def test_operations_of_a_likelihood_are_one_encoding_and_all_decodings():
    once = FASHION._replace(num_samples=1)
    encoder, decoder = 2 * (784 * 400 + 400 * 64), 2 * (32 * 400 + 400 * 784)
    assert flops_of(once) == encoder + decoder
    assert flops_of(LIKELIHOOD) == encoder + 5000 * decoder


def test_the_table_is_the_arithmetic_of_its_rounds():
    work = FASHION._replace(members=3, whole=10)
    ours, theirs = Timing(2.0, np.array([0.1, 0.3, 0.2])), Timing(5.0, np.array([0.5, 0.6, 0.2]))
    flops = flops_of(work)
    rows = rows_of(work, {"ours": ours, "theirs": theirs}, [np.full(3, flops / 0.1), np.array([0, flops / 0.05, 0])])
    assert [row.way for row in rows] == ["ours", "theirs"]
    assert rows[0].whole == pytest.approx(2.0 + 0.2 * 3 * 10)
    assert rows[0].rate == pytest.approx(flops / 0.2)
    assert rows[0].of_peak == pytest.approx(np.median([1, 0.05 / 0.3, 0.5]))  # the better peak of each round
    assert rows[0].best_of_peak == pytest.approx(0.05 / 0.1)
    assert rows[1].times_ours == pytest.approx(np.median([5, 2, 1]))
    assert (rows[1].least, rows[1].middle) == (0.2, 0.5)
    likelihood = rows_of(work._replace(num_samples=1), {"ours": ours}, [np.ones(3)])
    assert likelihood[0].whole == pytest.approx(2.0 + 0.2 * 10)
    assert "| theirs | 5.0 |" in text_of(work, rows, 3)


@pytest.mark.parametrize(
    ("first", "after", "num"), [(500.0, 300.0, 0), (500.1, 300.0, 1), (500.0, 330.0, 1), (math.nan, math.nan, 2)]
)
def test_ways_that_do_other_work_are_named(first, after, num):
    seconds = np.ones(2)
    timings = {"ours": Timing(1, seconds, 500.0, 300.0), "theirs": Timing(1, seconds, first, after)}
    said = disagreements(FASHION, rows_of(FASHION, timings, [np.ones(2)]))
    assert len(said) == num
    assert all("theirs" in sentence for sentence in said)


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_a_work_is_told_to_another_process_whole(work):
    assert work_from(work.said()) == work


def test_operations_of_a_training_step_carry_the_names_that_a_profile_tells_them_by():
    """Before it is compiled, as a program from jax's cache has the names of whoever compiled it."""
    bits = Bits(*np.random.default_rng(0).integers(0, 2, (2, 120, 28, 28), dtype=np.uint8))
    training = training_of(SMALL_CONV._replace(members=2), bits, mesh_for(2), vj.in_turn)
    text = training.lowered.as_text(debug_info=True)
    for name in ("batch", "encoder", "decoder", "patches", "update"):
        assert re.search(rf'loc\("([^"]*[/(])?{name}[/)]', text), name


def test_a_profile_tells_what_each_operation_of_a_step_is_for():
    """A loop of a step of every kind: each operation is told apart, and events of the loop do not count."""

    def step(a, _):
        rows = jax.named_scope("patches")(lambda a: a[jnp.asarray([2, 0, 1] * 32) % a.shape[0]])(a)
        with jax.named_scope("update"):
            return jnp.tanh(jnp.flip(rows @ rows.T, 0)), None

    text = jax.jit(lambda a: jax.lax.scan(step, a, length=3)[0]).lower(jnp.ones((96, 96))).compile().as_text()
    computations = computations_of(text)
    parts = parts_of(computations)
    assert {PRODUCTS, "rows of pixels for convolutions", "the optimizer"} <= set(parts.values())
    kinds = {name: one.kind for found in computations.values() for name, one in found.items()}
    assert "while" in kinds.values()
    assert "while" not in {kinds[name] for name in parts}
    events = [{"ph": "X", "name": name, "dur": 1e6} for name in kinds] + [{"ph": "M", "name": next(iter(parts))}]
    assert sum(seconds_of({"traceEvents": events}, parts).values()) == len(parts)
