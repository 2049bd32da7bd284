"""Schedules are their formulas, traced or not; a scheduled trainer is at each step the trainer of that step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import data
from vaejax.errors import VaejaxError, VaejaxWarning
from vaejax.schedules import cosine, cyclical, linear, scaled, warmup_cosine

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).uniform(size=(5, 4)), jnp.float32)
TINY = data.arrays(np.random.default_rng(1).integers(0, 5, (60, 4)).astype(np.uint8), levels=5)  # 40 to train on
STEPS = np.arange(25)


# closed forms in float64, one number at a time


def linear_at(t, start, end, length):
    return end if t >= length else start + (end - start) * t / length


def cosine_at(t, start, end, length):
    return end if t >= length else start + (end - start) * np.sin(np.pi * t / length / 2) ** 2


def cyclical_at(t, start, end, length, cycles, proportion):
    if t >= length:
        return end
    part = t * cycles / length - np.floor(t * cycles / length)
    return end if part >= proportion else start + (end - start) * part / proportion


def warmup_cosine_at(t, peak, warm_up, length):
    return peak * t / warm_up if t < warm_up else cosine_at(t - warm_up, peak, 0.0, length - warm_up)


CASES = [
    *[(linear, linear_at, case) for case in [(0.0, 4.0, 20), (3.0, -1.0, 7), (1.0, 2.0, 0), (0.0, 2.0, 12.5)]],
    *[(cosine, cosine_at, case) for case in [(0.0, 4.0, 20), (1e-2, 0.0, 13), (1.0, 2.0, 0)]],
    *[
        (cyclical, cyclical_at, case)
        for case in [(0.0, 1.0, 20, 4, 0.5), (0.5, 2.0, 18, 3, 1.0), (0.0, 1.0, 0, 4, 0.5), (0.0, 1.0, 16, 2, 0.0)]
    ],
    *[(warmup_cosine, warmup_cosine_at, case) for case in [(1e-2, 5, 20), (1.0, 0, 8), (1.0, 6, 6), (1.0, 0, 0)]],
]


@pytest.mark.parametrize(("schedule", "formula", "case"), CASES)
def test_a_schedule_is_its_formula_and_constant_after_its_end(schedule, formula, case, float64):
    expected = [formula(t, *case) for t in STEPS]
    np.testing.assert_allclose([schedule(*case)(int(t)) for t in STEPS], expected, rtol=1e-12, atol=1e-12)
    assert schedule(*case)(10**9) == expected[-1]  # exactly, not to rounding


@pytest.mark.parametrize("schedule", [linear, cosine, cyclical, warmup_cosine])
def test_every_number_of_a_schedule_may_be_traced(schedule):
    formula = next(formula for made, formula, _ in CASES if made is schedule)
    cases = [case for made, _, case in CASES if made is schedule]

    @jax.jit
    @jax.vmap
    def mapped(numbers):
        return jax.vmap(schedule(*numbers))(jnp.asarray(STEPS))

    found = mapped(tuple(jnp.asarray(column, float) for column in zip(*cases, strict=True)))
    expected = [[formula(t, *case) for t in STEPS] for case in cases]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_cycle_may_rise_along_a_cosine():
    found = [float(cyclical(0.0, 2.0, 20, 2, 0.8, cosine)(t)) for t in range(10, 20)]
    np.testing.assert_allclose(found, [cosine_at(t, 0.0, 2.0, 8) for t in range(10)], rtol=1e-6, atol=1e-7)


def test_schedules_agree_with_optax_where_optax_has_them():
    pairs = [
        (linear(0.1, 0.02, 9), optax.linear_schedule(0.1, 0.02, 9)),
        (cosine(0.1, 0.0, 9), optax.cosine_decay_schedule(0.1, 9)),
        (warmup_cosine(0.1, 4, 9), optax.warmup_cosine_decay_schedule(0.0, 0.1, 4, 9)),
        (scaled(0.1, linear(1.0, 0.0, 9)), optax.linear_schedule(0.1, 0.0, 9)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose([ours(t) for t in STEPS], [theirs(t) for t in STEPS], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: linear(0.0, float("nan"), 5), "the end of a schedule must be one finite number"),
        (lambda: linear("low", 1.0, 5), "the start of a schedule must be one finite number"),
        (lambda: cosine(0.0, 1.0, -1), "the length of a schedule must be a number of at least 0, got -1"),
        (lambda: cyclical(0.0, 1.0, -10), "the length of a schedule must be a number of at least 0, got -10"),
        (lambda: cyclical(0.0, 1.0, 10, 0), "num_cycles must be a number of at least 1, got 0"),
        (lambda: cyclical(0.0, 1.0, 10, proportion=1.5), "proportion of a cycle must be a number of at least 0 and at"),
        (lambda: warmup_cosine(1.0, 9, 5), "the length of a schedule must be a number of at least 0, got -4"),
        (lambda: scaled(-1.0, linear(0.0, 1.0, 3)), "the peak of a schedule"),
    ],
)
def test_a_number_that_makes_no_schedule_is_refused(make, words):
    with pytest.raises(VaejaxError, match=words):
        make()


# trainers over time


def model():
    return vj.vae(vj.nets.mlp(), vj.nets.mlp(), data_shape=(4,), latent_size=2)


def warmed(peak=2.0, warm_up=4, objective=vj.objectives.elbo):
    beta = linear(0.0, peak, warm_up)
    return vj.scheduled(lambda step: vj.trainer(model(), objective(beta(step)), optax.sgd(0.05)))


def test_each_step_of_a_scheduled_trainer_is_that_of_its_own_trainer():
    rate = cosine(0.1, 0.0, 4)

    def built(step):
        optimizer = optax.chain(optax.trace(0.9), optax.scale_by_learning_rate(rate(step)))
        return vj.trainer(model(), vj.objectives.elbo(linear(0.0, 2.0, 3)(step)), optimizer)

    @jax.jit
    def by_hand(beta, rate, key, state, batch):
        optimizer = optax.chain(optax.trace(0.9), optax.scale_by_learning_rate(rate))
        return vj.trainer(model(), vj.objectives.elbo(beta), optimizer).step(key, state, batch)

    taught, batch = vj.scheduled(built), vj.Example(X)
    state = expected = taught.init(KEY, batch)
    step = jax.jit(taught.step)
    for t in range(5):
        key, beta = jax.random.fold_in(KEY, t), linear_at(t, 0.0, 2.0, 3)
        state, bound = step(key, state, batch)
        expected, _ = by_hand(beta, cosine_at(t, 0.1, 0.0, 4), key, expected, batch)
        np.testing.assert_allclose(bound.value, -(bound.distortion + beta * bound.rate), rtol=1e-6)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), state, expected)
    assert int(state.step) == 5
    assert step._cache_size() == 1


def test_a_rate_at_a_step_is_a_rate_that_counts_for_itself():
    rate, batch = warmup_cosine(0.1, 2, 6), vj.Example(X)
    at_step = vj.scheduled(lambda step: vj.trainer(model(), vj.objectives.elbo(), optax.sgd(rate(step))))
    counting = vj.trainer(model(), vj.objectives.elbo(), optax.sgd(rate))
    states = [taught.init(KEY, batch) for taught in (at_step, counting)]
    steps = [jax.jit(taught.step) for taught in (at_step, counting)]
    for t in range(4):
        states = [step(jax.random.fold_in(KEY, t), s, batch)[0] for step, s in zip(steps, states, strict=True)]
    one, other = (state.params for state in states)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), one, other)
    assert np.any(one["encoder"]["output"]["kernel"] != at_step.init(KEY, batch).params["encoder"]["output"]["kernel"])


def test_a_trainer_knows_itself_at_every_step_and_a_scheduled_one_at_the_end():
    plain = vj.trainer(model(), vj.objectives.elbo(3.0), optax.sgd(0.1))
    assert plain.at(7) is plain
    taught = warmed()
    assert float(taught.at(1).objective.settings["beta"]) == 0.5
    assert float(taught.objective.settings["beta"]) == 2.0
    decayed = vj.averaged(taught, 0.9)
    assert float(decayed.at(1).objective.settings["beta"]) == 0.5
    assert float(decayed.objective.settings["beta"]) == 2.0


def test_a_schedule_that_outlasts_the_run_is_told():
    (said,) = vj.unfinished(warmed(warm_up=2500, peak=1.0), 1000)
    assert said == "beta is 0.4 after the last of 1,000 steps and would go on to 1: its schedule is longer than the run"
    assert vj.unfinished(warmed(warm_up=1000), 1000) == []
    assert vj.unfinished(warmed(warm_up=0), 1) == []
    assert vj.unfinished(vj.trainer(model(), vj.objectives.elbo(), optax.sgd(0.1)), 1) == []
    both = warmed(1.0, 10, lambda part: vj.objectives.capacity(2.0 - part, 25 * part))
    assert [said.split(" after")[0] for said in vj.unfinished(both, 5)] == ["weight is 1.5", "capacity is 12.5"]


@pytest.mark.long
def test_peaks_and_lengths_are_axes_of_a_grid():
    """Every member of one program is what it is alone; the table says the beta after the last step."""

    def member(peak, warm_up):
        fixed = vj.vae(vj.nets.mlp(3), vj.nets.mlp(3), data_shape=(4,), latent_size=2, likelihood=TINY.likelihood)
        beta, rate = linear(0.0, peak, warm_up), warmup_cosine(1e-2, warm_up / 2, 9)
        return vj.scheduled(lambda step: vj.trainer(fixed, vj.objectives.elbo(beta(step)), optax.adam(rate)))

    options = {"epochs": 3, "batch_size": -(-len(TINY.train) // 3), "num_samples": 2}
    with pytest.warns(VaejaxWarning, match=r"beta is 0.25 after the last of 9 steps and would go on to 0.5.*1 other"):
        grid = vj.sweep(member, TINY, peak=[0.5, 8.0], warm_up=[0, 5, 18], **options).dataset
    assert "would go on to 0.5" in grid.attrs["unfinished"]
    assert grid.attrs["num_programs"] == 1
    expected = [[linear_at(9, 0.0, peak, warm_up) for warm_up in (0, 5, 18)] for peak in (0.5, 8.0)]
    np.testing.assert_allclose(grid.objective_beta.values[..., 0], expected, rtol=1e-6)
    with pytest.warns(VaejaxWarning, match="beta is 4 after the last of 9 steps and would go on to 8"):
        alone = vj.fit(member(8.0, 18), TINY, **options)[1].dataset
    for name in ("elbo", "rate", "history_value", "history_validation"):
        mine = grid[name].sel(peak=8.0, warm_up=18).values
        np.testing.assert_allclose(mine, alone[name].values, rtol=1e-4, err_msg=name)
    assert grid.history_rate.sel(peak=8.0, warm_up=18)[0, 0] > grid.history_rate.sel(peak=8.0, warm_up=0)[0, 0] * 1.01
