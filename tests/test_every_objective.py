"""One table of every objective, and what each of them owes to its contract."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaejax as vj
from vaejax.errors import VaejaxError
from vaejax.model import compacted
from vaejax.types import Objective

KEY = jax.random.key(0)
MADE = {name: factory for name, factory in vars(vj.objectives).items() if inspect.isfunction(factory)}
OBJECTIVES = {name: factory for name, factory in MADE.items() if isinstance(factory(), Objective)}
SHAPING = {"num_samples", "num_importance", "num_outer", "num_classes"}
FUNCTIONS = {"aggregate", "kernel", "discriminator"}  # arguments that are none of the numbers in force
SMALL = {name: {setting: 3 for setting in factory().settings if setting in SHAPING} for name, factory in MADE.items()
         if name in OBJECTIVES}  # fmt: skip
every_objective = pytest.mark.parametrize("name", OBJECTIVES)
X = np.random.default_rng(0).normal(size=(5, 3))
KNOWN = {  # settings at which every term of the objective counts, and gradients are of one size
    "adversarial": {"weight": 3.0},
    "capacity": {"weight": 3.0, "capacity": 0.4},
    "dip_i": {"off_diagonal": 3.0, "diagonal": 2.0},
    "dip_ii": {"off_diagonal": 3.0, "diagonal": 2.0},
    "elbo": {"beta": 2.0},
    "free_bits": {"nats": 2.0},
    "info_vae": {"alpha": 0.3, "weight": 5.0},
}


def made(size=2, widest=None, **parts):
    nets = vj.nets.mlp(), vj.nets.mlp()  # linear: what is looked at here is the objective
    likelihood = vj.likelihoods.normal(0.7)
    return vj.vae(*nets, data_shape=(3,), latent_size=size, max_latent_size=widest, likelihood=likelihood, **parts)


def model_of(name, *sizes):
    """The model that an objective is for."""
    variants = {"m2": lambda model: vj.variants.labelled(model, vj.nets.mlp(), 3), "multi_rate": vj.variants.multi_rate}
    return variants.get(name, lambda model: model)(made(*sizes))


def batch_of(name, x=X, **beside):
    labels = np.array([0, -1, 2, 1, -1, 0, 1])[: len(x)]
    return vj.Example(jnp.asarray(x), jnp.asarray(labels) if name == "m2" else None, **beside)


def started(objective, model, batch):
    """Parameters away from where they start, but for unused weights: they are zero and stay so."""

    def moved(leaf):
        return leaf + 0.2 * jnp.sin(jnp.arange(leaf.size, dtype=leaf.dtype).reshape(leaf.shape) + 1) * (leaf != 0)

    return jax.jit(lambda: jax.tree.map(moved, objective.init(KEY, model, batch)))()


def measured(objective, model, params, batch):
    """The bound and the gradient of its value."""

    def value(params):
        bound = objective.evaluate(jax.random.key(1), model, params, batch)
        return bound.value, bound

    gradient, bound = jax.grad(value, has_aux=True)(params)
    return bound, gradient


@every_objective
def test_a_masked_model_is_worth_what_the_smaller_one_is(name, float64):
    """Value, distortion, rate and every gradient, of 2 latents among 5 with the size traced, and of 2."""
    objective, batch = OBJECTIVES[name](**SMALL[name], **KNOWN.get(name, {})), batch_of(name)
    wide = model_of(name, 2, 5)
    params = started(objective, wide, batch)
    small, small_params = compacted(wide, params, batch)
    assert "objective" not in small_params  # it is not handed over
    shapes = jax.eval_shape(lambda: objective.init(KEY, small, batch))
    cut = jax.tree.map(lambda leaf, like: leaf[tuple(slice(num) for num in like.shape)], params, shapes)
    jax.tree.map(np.testing.assert_array_equal, {name: cut[name] for name in small_params}, small_params)

    @jax.jit
    def both(size):
        narrow = measured(objective, small, cut, batch)
        return measured(objective, model_of(name, size, 5), params, batch), narrow

    (bound, gradient), (expected, expected_gradient) = both(2)
    np.testing.assert_allclose(bound, expected, rtol=1e-10)

    def compare(wide, narrow):
        inside = tuple(slice(num) for num in narrow.shape)
        np.testing.assert_allclose(wide[inside], narrow, rtol=1e-8, atol=1e-10)
        outside = np.array(wide)
        outside[inside] = 0
        np.testing.assert_array_equal(outside, 0.0)

    jax.tree.map(compare, gradient, expected_gradient)
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected_gradient)) > 1e-3


@every_objective
def test_what_fills_up_a_batch_counts_for_nothing(name, float64):
    """Neither the weightless rows themselves nor, where rows are compared, what they are to the others."""
    objective, model = OBJECTIVES[name](**SMALL[name], **KNOWN.get(name, {})), model_of(name)
    whole = batch_of(name)
    filled = np.concatenate([X, 7 * X[:2]])
    weight = np.array([1.0] * 5 + [0.0] * 2)
    params = started(objective, model, whole)
    batch = batch_of(name, filled, weight=jnp.asarray(weight))
    found, expected = jax.jit(lambda: tuple(measured(objective, model, params, b) for b in (batch, whole)))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11), found, expected)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if set(MADE[name]().settings) - SHAPING])
def test_its_numbers_may_be_traced_and_each_of_them_counts(name, float64):
    """Each number moved in turn: the lanes of a map are the objective at those numbers alone, and differ."""
    model, batch = model_of(name), batch_of(name)
    settings = {**{n: s for n, s in MADE[name]().settings.items() if n not in SHAPING}, **KNOWN.get(name, {})}
    moved = np.array([[0.8 if i == j else 0.5 for j in range(len(settings))] for i in range(-1, len(settings))])
    rows = jnp.asarray(moved * [number or 1.0 for number in settings.values()])

    def at(row):
        objective = MADE[name](**SMALL[name], **dict(zip(settings, row, strict=True)))
        return objective.evaluate(jax.random.key(1), model, objective.init(KEY, model, batch), batch)

    together, alone = jax.jit(lambda rows: (jax.vmap(at)(rows), jax.lax.map(at, rows)))(rows)
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
    assert np.abs(alone.value[1:] - alone.value[0]).min() > 1e-3


@every_objective
def test_its_formula_is_in_terms_of_its_settings(name):
    objective = OBJECTIVES[name](**SMALL[name])
    assert all(setting in objective.formula for setting in objective.settings)
    arguments = inspect.signature(OBJECTIVES[name]).parameters
    assert set(objective.settings) == set(arguments) - FUNCTIONS


@pytest.mark.parametrize("name", [name for name in MADE if set(inspect.signature(MADE[name]).parameters) - FUNCTIONS])
def test_a_number_out_of_range_is_refused_where_it_is_known(name):
    for argument in set(inspect.signature(MADE[name]).parameters) - FUNCTIONS:
        with pytest.raises(VaejaxError, match=argument):
            MADE[name](**{argument: float("nan")})
        if (name, argument) != ("geco", "distortion"):  # -log p of a density may have any sign
            with pytest.raises(VaejaxError, match=argument):
                MADE[name](**{argument: -1.0})
