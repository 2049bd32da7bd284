"""The door for many examples, and the way of any number of them through a function of one."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import examples, progress
from vaejax.errors import DataError, VaejaxError
from vaejax.examples import fixed

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def model():
    return vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2, likelihood=vj.likelihoods.bernoulli())


ONES = np.ones((3, 4))
HOLE = np.where(np.arange(4) == 1, np.nan, ONES)


@pytest.mark.parametrize(
    ("x", "beside", "said"),
    [
        (np.ones(4), {}, r"one example is x\[None\]"),
        (np.ones((3, 5)), {}, r"expected examples of shape \(4,\), \[num, 4\], got an array of shape \(3, 5\)"),
        (np.ones((0, 4)), {}, "at least one example"),
        ([[1.0, 2.0], [3.0]], {}, "rows of different shapes"),
        (np.ones((3, 4), np.uint8), {}, "got uint8: scale them"),
        (np.array([["a"] * 4]), {}, "expected examples as floats"),
        (HOLE, {}, r"row 0 at \(1,\) is NaN: say what was seen"),
        (HOLE, {"observed": ONES}, "is nan though the mask says that it was observed"),
        (0.5 * ONES, {}, r"row 0 at \(0,\) is 0.5, and the likelihood bernoulli is a distribution on {0, 1}"),
        (np.inf * ONES, {"within": vj.data.as_floats().support}, "is inf, and values must lie in the reals"),
        (ONES, {"observed": np.ones((3, 3))}, "a mask of the shape of the examples"),
        (ONES, {"observed": 2 * ONES}, "a mask of ones"),
        (ONES, {"observed": ONES * [[1], [0], [1]]}, r"row 1 has nothing that was observed \(1 such rows\)"),
        (ONES, {"context": {"batch": np.ones((2, 1))}}, "a context of 3 rows"),
    ],
)
def test_what_is_no_examples_is_refused_in_a_sentence(model, x, beside, said):
    with pytest.raises(DataError, match=said):
        vj.examples_of(model, x, **beside)


def test_what_was_not_observed_may_be_anything(model):
    found = vj.examples_of(model, HOLE, observed=np.isfinite(HOLE))
    assert found.observed.dtype == bool
    assert not found.observed[:, 1].any()


def test_values_off_the_support_pass_where_that_is_said(model):
    assert vj.examples_of(model, 0.5 * ONES, within=vj.data.as_floats().support).x.mean() == 0.5


def draws(key, params, example):
    return {"noise": jax.random.normal(key, (2,)), "sum": params * example.x.sum(), "context": example.context}


@pytest.mark.parametrize("at_once", [1, 3, 7, 100])
def test_results_do_not_depend_on_how_many_go_at_once(at_once):
    x = np.random.default_rng(0).random((7, 4))
    examples = vj.Example(x, context=np.arange(7))
    found = vj.each_example(draws, KEY, 2.0, examples, at_once=at_once)
    np.testing.assert_allclose(found["sum"], 2 * x.sum(1), rtol=1e-6)
    np.testing.assert_array_equal(found["context"], np.arange(7))
    alone = [jax.random.normal(jax.random.fold_in(KEY, place), (2,)) for place in range(7)]
    np.testing.assert_array_equal(found["noise"], np.stack(alone))


def test_the_noise_of_an_example_goes_with_its_index():
    examples = vj.Example(np.ones((5, 4)), index=np.arange(5))
    later = jax.tree.map(lambda leaf: leaf[3:], examples)
    whole, part = (vj.each_example(draws, KEY, 1.0, rows)["noise"] for rows in (examples, later))
    np.testing.assert_array_equal(whole[3:], part)


def test_the_same_function_is_compiled_once():
    traced = []

    def function(key, params, example):
        traced.append(1)
        return example.x

    for num in (8, 16, 13):
        vj.each_example(function, KEY, (), vj.Example(np.ones((num, 2))), at_once=8)
    assert len(traced) == 1


def test_the_same_function_of_the_same_model_is_compiled_once_and_another_of_it_is_another(model):
    traced = []

    def first(model, key, params, example):
        traced.append("first")
        return example.x + model.data_shape[0]

    def second(model, key, params, example):
        traced.append("second")
        return example.x

    def of(function):
        return vj.each_example(fixed(function, model), KEY, (), vj.Example(np.ones((3, 2))))

    np.testing.assert_array_equal(of(first), 5 * np.ones((3, 2)))
    np.testing.assert_array_equal(of(second), np.ones((3, 2)))  # not the program of the first
    of(first)
    assert traced == ["first", "second"]


def test_no_example_is_refused():
    with pytest.raises(VaejaxError, match="at least one example"):
        vj.each_example(draws, KEY, 1.0, vj.Example(np.ones((0, 4))))


def test_examples_of_a_split_are_as_models_see_them():
    data = vj.data.binarise_dynamic(vj.data.digits())
    first, again = (vj.examples_in(data, "validation", jax.random.key(seed), num=20).x for seed in (0, 1))
    assert set(np.unique(first)) == {0.0, 1.0}
    assert (first != again).any()


@pytest.fixture
def numbers():
    return np.random.default_rng(0).random((60, 4), np.float32)


def test_an_ensemble_is_the_members_of_all_seeds(numbers):
    def member(latent_size, beta):
        nets = vj.nets.mlp(8), vj.nets.mlp(8)
        model = vj.vae(*nets, data_shape=(4,), latent_size=latent_size, max_latent_size=3)
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

    result = vj.sweep(member, numbers, latent_size=[1, 3], beta=[1.0, 2.0], seed=[4, 7], epochs=1, num_samples=2)
    where = {"latent_size": 1, "beta": 2.0}
    model, params = vj.ensemble(result, **where)
    for at, seed in enumerate((4, 7)):
        alone = vj.extract(result, seed=seed, **where)
        jax.tree.map(lambda stacked, one, at=at: np.testing.assert_array_equal(stacked[at], one), params, alone.params)
    assert jax.vmap(lambda params: vj.encode(model, params, jnp.asarray(numbers[0])))(params).shape == (2, 1)
    with pytest.raises(VaejaxError, match="say which by beta"):
        vj.ensemble(result, latent_size=1)
    with pytest.raises(VaejaxError, match="leave out the seed"):
        vj.ensemble(result, seed=4, **where)


def test_an_ensemble_leaves_out_who_diverged(numbers):
    def member(seed_scale):
        model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=1)
        return vj.trainer(model, vj.objectives.elbo(), optax.sgd(seed_scale))

    result = vj.sweep(member, numbers, seed_scale=[1e-3, 1e30], seed=[0, 1], epochs=2, num_samples=2)
    assert jax.tree.leaves(vj.ensemble(result, seed_scale=1e-3).params)[0].shape[0] == 2
    with pytest.raises(VaejaxError, match="every member of this setting diverged"):
        vj.ensemble(result, seed_scale=1e30)


def test_somebody_who_waits_is_told_how_far_it_is(monkeypatch, capsys):
    seen = []
    with examples.watched(lambda done, num: seen.append((done, num))):
        examples.each_example(_itself, jax.random.key(0), (), vj.Example(np.zeros((10, 2))), at_once=4)
    assert seen == [(4, 10), (8, 10), (10, 10)]
    examples.each_example(_itself, jax.random.key(0), (), vj.Example(np.zeros((10, 2))), at_once=4)
    assert len(seen) == 3  # nobody looks any more
    told = progress.counting()
    told(4000, 10_000)
    assert not capsys.readouterr().err  # what is quick says nothing
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    told(8000, 10_000)
    told(10_000, 10_000)
    assert capsys.readouterr().err == "8,000 of 10,000 examples\n"


def _itself(key, params, example):
    return example.x
