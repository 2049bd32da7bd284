"""Time: a step is the gradient and optax, an epoch shows every example once, and a run may be cut anywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax.errors import VaejaxError
from vaejax.train import Batches, nothing_shown, order, segment
from vaejax.types import Bound, Objective

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).uniform(size=(7, 4)), jnp.float32)
RAW = np.random.default_rng(1).integers(0, 256, (7, 4), np.uint8)


def model():
    return vj.vae(vj.nets.mlp(), vj.nets.mlp(), data_shape=(4,), latent_size=2)


def plain(key, raw):
    return raw.astype(float)


def run_of(taught, batches, raw, key=KEY):
    """`(state, first, num) -> (state, mean bound)`: whole epochs, all of them in one call."""
    advance = jax.jit(lambda *args: segment(taught, batches, key, *args))

    def run(state, first, num):
        rows = jnp.concatenate([order(batches, key, epoch) for epoch in range(first, first + num)])
        steps = jnp.array([first, num]) * batches.num_steps
        state, shown = advance((state, nothing_shown()), raw, rows, *steps)
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
        return raw / 255 + 0.1 * jax.random.normal(key, raw.shape)

    return taught, Batches(noisy, 3, 7), taught.init(KEY, vj.Example(X))


def test_cutting_a_run_anywhere_changes_not_a_bit(run):
    """Within epochs too, and whether all rows of the split are at hand or just those of a piece."""
    taught, batches, start = run
    rows = jnp.concatenate([order(batches, KEY, epoch) for epoch in range(6)])
    advance = jax.jit(lambda *args: segment(taught, batches, KEY, *args))
    whole = advance((start, nothing_shown()), jnp.asarray(RAW), rows, 0, 18)
    carry = (start, nothing_shown())
    for first, num in ((0, 1), (1, 3), (4, 7), (11, 7)):
        window = jnp.zeros_like(rows).at[:num].set(rows[first : first + num])
        carry = advance(carry, jnp.asarray(RAW), window, first, num)
    jax.tree.map(np.testing.assert_array_equal, carry, whole)
    gathered = jnp.asarray(RAW)[rows.ravel()]
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
        return jnp.full(4, jax.random.uniform(key))

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
