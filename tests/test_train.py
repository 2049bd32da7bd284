"""Time: a step is the gradient and optax, an epoch shows every example once, and a run may be cut anywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax.bound import keys_of
from vaejax.errors import VaejaxError
from vaejax.train import Batches, nothing_shown, order, segment
from vaejax.types import Bound, Objective

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).uniform(size=(7, 4)), jnp.float32)
RAW = np.random.default_rng(1).integers(0, 256, (7, 4), np.uint8)


def model():
    return vj.vae(vj.nets.mlp(), vj.nets.mlp(), data_shape=(4,), latent_size=2)


def plain(key, raw):
    return raw._replace(x=raw.x.astype(float))


def run_of(taught, batches, raw, key=KEY):
    """`(state, first, num) -> (state, mean bound)`: whole epochs, all of them in one call."""
    advance = jax.jit(lambda *args: segment(taught, batches, key, *args))

    def run(state, first, num):
        rows = jnp.concatenate([order(batches, key, epoch) for epoch in range(first, first + num)])
        steps = jnp.array([first, num]) * batches.num_steps
        state, shown = advance((state, nothing_shown()), vj.Example(raw), rows, *steps)
        return state, shown.mean

    return run


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.adam(1e-2),
        optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(0.5)),
        optax.sgd(optax.linear_schedule(0.1, 0.0, 3)),
    ],
    ids=["adam", "clipped", "scheduled"],
)
def test_steps_are_the_gradient_of_minus_the_value_given_to_optax(optimizer):
    objective = vj.objectives.elbo(2.0)
    taught, batch = vj.trainer(model(), objective, optimizer), vj.Example(X)
    params = objective.init(KEY, model(), batch)
    opt_state, state = optimizer.init(params), taught.init(KEY, batch)
    loss = jax.jit(jax.value_and_grad(lambda p, key: -objective.evaluate(key, model(), p, batch).value))
    step = jax.jit(taught.step)
    for index in range(3):
        key = jax.random.fold_in(KEY, index)
        value, gradient = loss(params, key)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        params = optax.apply_updates(params, updates)
        state, bound = step(key, state, batch)
        np.testing.assert_allclose(bound.value, -value, rtol=1e-6)
    assert int(state.step) == 3
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), state.params, params)


def test_training_ascends():
    taught = vj.trainer(model(), vj.objectives.elbo(), optax.adam(3e-2))
    start = taught.init(KEY, vj.Example(X))
    before = vj.objectives.elbo().evaluate(KEY, model(), start.params, vj.Example(X)).value
    assert run_of(taught, Batches(plain, 7, 7), X)(start, 0, 60)[1].value > before + 1


# what an epoch shows: an objective that keeps a record in its parameters


def recorder(num):
    """`params["seen"]`, by example, ascends by its weight in every batch; the batch's sizes are kept too."""

    def init(key, model, batch):
        return {"seen": jnp.zeros(num)}

    def evaluate(key, model, params, batch):
        index = jnp.round(batch.x[:, 0]).astype(int)
        value = jnp.sum(params["seen"][index] * batch.weight)
        return Bound(value, jnp.sum(batch.weight * batch.x[:, 0]) / jnp.sum(batch.weight), jnp.sum(batch.weight))

    return Objective(init, evaluate, "", {})


@pytest.mark.parametrize(("num", "size"), [(7, 3), (6, 3), (7, 7), (3, 7), (5, 1)])
@pytest.mark.parametrize("drop_last", [False, True])
def test_every_example_is_seen_once_in_an_epoch(num, size, drop_last):
    if drop_last and size > num:
        with pytest.raises(VaejaxError, match=f"a batch of {size} with drop_last needs as many examples, got {num}"):
            order(Batches(plain, size, num, drop_last), KEY, 0)
        return
    x = jnp.arange(num, dtype=float)[:, None] * jnp.ones(4)[None]
    taught = vj.trainer(model(), recorder(num), optax.sgd(1.0))
    state = taught.init(KEY, vj.Example(x))
    run = run_of(taught, Batches(plain, size, num, drop_last), x)
    (once, bound), (thrice, _) = run(state, 0, 1), run(state, 0, 3)
    shown = num // size * size if drop_last else num
    assert np.sum(once.params["seen"]) == shown
    assert np.max(once.params["seen"]) == 1
    assert np.sum(thrice.params["seen"]) == 3 * shown
    assert int(once.step) == (num // size if drop_last else -(-num // size))
    if not drop_last:
        np.testing.assert_allclose(bound.distortion, np.mean(np.arange(num)), rtol=1e-6)  # a mean over examples


def test_an_order_is_a_new_permutation_for_each_epoch_and_key_filled_up_with_its_first_rows():
    batches = Batches(plain, 4, 10)
    rows = np.asarray(order(batches, KEY, 0))
    assert rows.shape == (3, 4)
    assert sorted(rows.ravel()[:10]) == list(range(10))
    np.testing.assert_array_equal(rows.ravel()[10:], rows.ravel()[:2])
    for other in (order(batches, KEY, 1), order(batches, jax.random.key(1), 0)):
        assert np.any(rows != other)


@pytest.fixture(scope="module")
def run():
    taught = vj.trainer(model(), vj.objectives.elbo(), vj.by_name(optax.adam(1e-2), decoder=optax.sgd(0.1)))

    def noisy(key, raw):
        return raw._replace(x=raw.x / 255 + 0.1 * jax.random.normal(key, raw.x.shape))

    return taught, Batches(noisy, 3, 7), taught.init(KEY, vj.Example(X))


def test_cutting_a_run_anywhere_changes_not_a_bit(run):
    """Within epochs too, and whether all rows of the split are at hand or just those of a piece."""
    taught, batches, start = run
    rows = jnp.concatenate([order(batches, KEY, epoch) for epoch in range(6)])
    advance = jax.jit(lambda *args: segment(taught, batches, KEY, *args))
    whole = advance((start, nothing_shown()), vj.Example(jnp.asarray(RAW)), rows, 0, 18)
    carry = (start, nothing_shown())
    for first, num in ((0, 1), (1, 3), (4, 7), (11, 7)):
        window = jnp.zeros_like(rows).at[:num].set(rows[first : first + num])
        carry = advance(carry, vj.Example(jnp.asarray(RAW)), window, first, num)
    jax.tree.map(np.testing.assert_array_equal, carry, whole)
    gathered = vj.Example(jnp.asarray(RAW)[rows.ravel()])
    away = advance((start, nothing_shown()), gathered, jnp.arange(rows.size).reshape(rows.shape), 0, 18)
    jax.tree.map(np.testing.assert_array_equal, away, whole)
    assert int(whole[0].step) == 18


def test_the_same_key_gives_the_same_run_and_another_key_another(run):
    taught, batches, start = run
    runs = [run_of(taught, batches, jnp.asarray(RAW), key) for key in (KEY, KEY, jax.random.key(1))]
    first, again, other = (one(start, 0, 2)[0].params for one in runs)
    jax.tree.map(np.testing.assert_array_equal, first, again)
    kernels = [params["encoder"]["output"]["kernel"] for params in (first, other)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-4


def test_a_repeated_epoch_is_not_the_next_one(run):
    taught, batches, start = run
    epochs = run_of(taught, batches, jnp.asarray(RAW))
    repeated = epochs(epochs(start, 0, 1)[0], 0, 1)[0].params
    following = epochs(start, 0, 2)[0].params
    assert np.any(repeated["encoder"]["output"]["kernel"] != following["encoder"]["output"]["kernel"])


def test_a_view_gets_a_new_key_for_each_example_and_epoch():
    """The view shows its own noise; the record sums it, so equal keys would show as equal sums."""

    def noise(key, raw):
        return vj.Example(jnp.full(4, jax.random.uniform(key)))

    def init(key, model, batch):
        return {"sum": jnp.zeros(())}

    def evaluate(key, model, params, batch):
        spread = jnp.min(jnp.abs(batch.x[:, :1] - batch.x[:, 0][None]) + 2 * jnp.eye(len(batch.x)))
        return Bound(params["sum"] * jnp.sum(batch.x), spread, jnp.sum(batch.x))

    taught = vj.trainer(model(), Objective(init, evaluate, "", {}), optax.sgd(1.0))
    state = taught.init(KEY, vj.Example(X))
    run = run_of(taught, Batches(noise, 7, 7), X)
    first, second = run(state, 0, 1)[1], run(state, 1, 1)[1]
    assert first.distortion > 0
    assert float(first.rate) != float(second.rate)


def test_by_name_gives_each_name_its_own_optimizer_and_the_rest_the_rest():
    optimizer = vj.by_name(optax.sgd(1.0), likelihood=optax.sgd(10.0), prior=optax.set_to_zero())
    params = {name: jnp.ones(2) for name in ("encoder", "decoder", "likelihood", "prior")}
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    found = {name: float(update[0]) for name, update in updates.items()}
    assert found == {"encoder": -1.0, "decoder": -1.0, "likelihood": -10.0, "prior": 0.0}


def test_by_name_refuses_a_name_that_is_not_there():
    optimizer = vj.by_name(optax.adam(1e-3), flow=optax.sgd(1.0))
    with pytest.raises(VaejaxError, match=r"no parameters named \['flow'\]; there are \['decoder', 'encoder'"):
        vj.trainer(model(), vj.objectives.elbo(), optimizer).init(KEY, vj.Example(X))


# averages of the parameters


def averaged_run(decay, num_steps, build=None):
    """The parameters after each step and the averages then, of a trainer within and the one about it."""
    inner = vj.trainer(model(), vj.objectives.elbo(), vj.by_name(optax.adam(0.1), decoder=optax.sgd(0.1)))
    taught, batch = vj.averaged(build or inner, decay), vj.Example(X)

    def step(state, index):
        state, bound = taught.step(jax.random.fold_in(KEY, index), state, batch)
        return state, (state.params, taught.params(state), bound.value)

    return jax.lax.scan(step, taught.init(KEY, batch), jnp.arange(num_steps))[1]


def test_the_average_is_the_weighted_mean_of_the_parameters_after_each_step():
    decays = np.array([0.0, 0.7, 1.0])
    params, averages, values = jax.jit(jax.vmap(lambda decay: averaged_run(decay, 5)))(jnp.asarray(decays))
    np.testing.assert_array_equal(values[1], values[0])  # training does not know of it
    for path, average in jax.tree.leaves_with_path(averages):
        history = np.asarray(dict(jax.tree.leaves_with_path(params))[path], np.float64)
        for member, decay in enumerate(decays):
            for t in range(5):
                weights = [decay ** (t - s) for s in range(t + 1)]
                expected = np.average(history[member, : t + 1], axis=0, weights=weights)
                np.testing.assert_allclose(average[member, t], expected, rtol=2e-5, atol=1e-6)
    assert np.ptp(params["encoder"]["output"]["kernel"][0], axis=0).max() > 0.1


def test_before_the_first_step_the_average_is_the_parameters():
    taught = vj.averaged(vj.trainer(model(), vj.objectives.elbo(), optax.sgd(0.1)))
    state = taught.init(KEY, vj.Example(X))
    jax.tree.map(np.testing.assert_array_equal, taught.params(state), state.params)


def test_averages_and_schedules_compose_in_any_order():
    batch = vj.Example(X)

    def scheduled(wrap):
        return vj.scheduled(lambda t: wrap(vj.trainer(model(), vj.objectives.elbo(0.5 * t), optax.sgd(0.1))))

    outside, inside = vj.averaged(scheduled(lambda taught: taught), 0.6), scheduled(lambda t: vj.averaged(t, 0.6))
    found = []
    for taught in (outside, inside):
        state, step = taught.init(KEY, batch), jax.jit(taught.step)
        for index in range(3):
            state, _ = step(jax.random.fold_in(KEY, index), state, batch)
        found.append(taught.params(state))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), *found)


@pytest.mark.parametrize("decay", [-0.1, 1.5, float("nan")])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(VaejaxError, match=r"the decay of an average must be .* of at least 0 and at most 1, got"):
        vj.averaged(vj.trainer(model(), vj.objectives.elbo(), optax.sgd(0.1)), decay)


def counted(objective):
    """With a parameter that `optax.sgd(1.0)` raises by one in each step."""

    def init(key, model, batch):
        return {**objective.init(key, model, batch), "objective": jnp.zeros(())}

    def evaluate(key, model, params, batch):
        bound = objective.evaluate(key, model, params, batch)
        return bound._replace(value=bound.value + params["objective"])

    return Objective(init, evaluate, "", {})


def test_a_grid_measures_and_hands_over_the_average():
    rows = np.random.default_rng(2).uniform(size=(20, 4)).astype(np.float32)
    optimizer = vj.by_name(optax.sgd(0.02), objective=optax.sgd(1.0))

    def member(decay):
        return vj.averaged(vj.trainer(model(), counted(vj.objectives.elbo()), optimizer), decay)

    result = vj.sweep(member, rows, decay=[0.0, 1.0], epochs=4, num_samples=2)  # a step is an epoch
    none, mean = (result.dataset.sel(decay=decay) for decay in (0.0, 1.0))
    np.testing.assert_array_equal(none.history_distortion, mean.history_distortion)
    assert np.abs(none.history_validation - mean.history_validation)[..., 1:].min() > 1e-4
    best = result.dataset.best_epoch.values.ravel()
    assert best.min() > 1
    np.testing.assert_allclose(result.params[0]["objective"], [best[0], (best[1] + 1) / 2], rtol=1e-6)


# gradients of a batch in pieces


WEIGHTS = [None, np.array([1.0, 0.5, 2.0, 0.0, 0.0, 0.0, 1.0])]  # the second of three pieces weighs nothing


@pytest.mark.parametrize("objective", [vj.objectives.elbo(2.0), vj.objectives.iwae(3)], ids=["elbo", "iwae"])
@pytest.mark.parametrize("weight", WEIGHTS, ids=["plain", "weighted"])
def test_pieces_of_a_batch_have_the_gradient_of_the_whole(objective, weight, float64):
    batch = vj.Example(jnp.asarray(X, float), weight=None if weight is None else jnp.asarray(weight))

    @jax.jit
    def both(key):
        made = [vj.trainer(model(), objective, optax.sgd(1.0), microbatches=num) for num in (1, 3, 7)]
        start = made[0].init(KEY, batch)
        return [taught.step(key, start, batch) for taught in made]

    (whole, bound), *pieces = both(KEY)
    for state, mean in pieces:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), state, whole)
        np.testing.assert_allclose(list(mean), list(bound), rtol=1e-12)


def test_an_objective_of_the_batch_as_a_whole_is_the_mean_over_its_pieces():
    batch, objective = vj.Example(X[:6]), vj.objectives.capacity(1.0, 0.3)
    taught = vj.trainer(model(), objective, optax.sgd(0.0), microbatches=2)
    state = taught.init(KEY, batch)
    bound = taught.step(KEY, state, batch)[1]
    rates = [vj.terms(KEY, model(), state.params, x).rate for x in batch.x]
    means = np.reshape(rates, (2, 3)).mean(1)
    np.testing.assert_allclose(bound.value + bound.distortion, -np.abs(means - 0.3).mean(), rtol=1e-4)


def test_pieces_take_less_memory():
    """The inner values of 4 layers for 256 examples, or for 32 at a time."""

    def temporary(microbatches):
        deep = vj.vae(vj.nets.mlp(*[64] * 4), vj.nets.mlp(*[64] * 4), data_shape=(4,), latent_size=2)
        taught = vj.trainer(deep, vj.objectives.elbo(), optax.sgd(0.1), microbatches=microbatches)
        batch = vj.Example(jnp.zeros((256, 4)))
        state = jax.eval_shape(taught.init, KEY, batch)
        return jax.jit(taught.step).lower(KEY, state, batch).compile().memory_analysis().temp_size_in_bytes

    assert temporary(8) < temporary(1) / 3


def test_the_key_of_an_example_is_that_of_its_place_in_any_part_of_a_batch():
    keys = keys_of(KEY, vj.Example(X))
    np.testing.assert_array_equal(jax.random.key_data(keys), jax.random.key_data(jax.random.split(KEY, 7)))
    part = keys_of(KEY, vj.Example(X[:2], index=jnp.array([5, 2])))
    np.testing.assert_array_equal(jax.random.key_data(part), jax.random.key_data(keys[np.array([5, 2])]))


@pytest.mark.parametrize("microbatches", [0, 1.5])
def test_a_number_of_pieces_must_be_a_count(microbatches):
    with pytest.raises(VaejaxError, match="microbatches must be"):
        vj.trainer(model(), vj.objectives.elbo(), optax.sgd(0.1), microbatches=microbatches)
