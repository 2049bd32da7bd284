"""bfloat16 within a network and float32 about it; a network that remembers nothing and has the same gradient."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax.bound import each, terms
from vaejax.types import Bound, Objective

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).uniform(size=(6, 5)), jnp.float32)


def products(net, params):
    """The dtypes of all matrix products of a network."""
    return set(re.findall(r":(\w+)\[[^\]]*\] = dot_general", str(jax.make_jaxpr(net.apply)(params, X[0], None))))


@pytest.mark.parametrize("builder", [vj.nets.mlp(8, 8), vj.nets.gated_mlp(8)], ids=["mlp", "gated"])
def test_a_network_in_bfloat16_multiplies_in_it_and_keeps_all_else(builder):
    plain, rounded = builder((2, 3)), vj.nets.in_bfloat16(builder)((2, 3))
    params = rounded.init(KEY, X[0], jnp.ones((2, 3)))
    jax.tree.map(np.testing.assert_array_equal, params, plain.init(KEY, X[0], jnp.ones((2, 3))))
    found = jax.vmap(lambda x: rounded.apply(params, (x, None), None))(X)
    exact = jax.vmap(lambda x: plain.apply(params, (x, None), None))(X)
    assert found.dtype == jnp.float32
    difference = np.abs(found - exact).max() / np.abs(exact).max()
    assert 1e-4 < difference < 2e-2  # 8 bits: 0.4% a rounding
    gradient = jax.grad(lambda params: jnp.sum(rounded.apply(params, X[0], None)))(params)
    assert {leaf.dtype for leaf in jax.tree.leaves((params, gradient))} == {jnp.dtype("float32")}
    assert [products(net, params) for net in (rounded, plain)] == [{"bf16"}, {"f32"}]


def test_a_density_stays_in_float32():
    net = vj.nets.in_bfloat16(vj.nets.mlp(8))
    model = vj.vae(net, net, data_shape=(5,), latent_size=2)
    taught = vj.trainer(model, vj.objectives.elbo(), optax.adam(1e-2))
    state, bound = taught.step(KEY, taught.init(KEY, vj.Example(X)), vj.Example(X))
    assert {leaf.dtype for leaf in jax.tree.leaves((state.params, bound))} == {jnp.dtype("float32")}


def in_turn(num):
    """The elbo with one draw of z after another: a loop, so that its inner values are kept for the gradient."""

    def evaluate(key, model, params, batch):
        def one(key, example):
            return jax.lax.map(lambda key: terms(key, model, params, example), jax.random.split(key, num))

        found = each(one, key, batch)
        return Bound(-jnp.mean(found.distortion + found.rate), jnp.mean(found.distortion), jnp.mean(found.rate))

    return Objective(lambda key, model, batch: model.init(key, batch), evaluate, "", {})


def compiled(wrap):
    net = wrap(vj.nets.mlp(*[32] * 6))
    model = vj.vae(net, net, data_shape=(5,), latent_size=2)
    taught = vj.trainer(model, in_turn(20), optax.sgd(0.1))
    state = taught.init(KEY, vj.Example(X))
    return jax.jit(taught.step).lower(KEY, state, vj.Example(X)).compile(), state


def test_a_rematerialised_network_has_the_same_gradient_and_keeps_less():
    (plain, start), (lean, same) = compiled(lambda builder: builder), compiled(vj.nets.rematerialised)
    jax.tree.map(np.testing.assert_array_equal, start, same)
    for one, other in zip(
        jax.tree.leaves(plain(KEY, start, vj.Example(X))),
        jax.tree.leaves(lean(KEY, start, vj.Example(X))),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    temporary = [program.memory_analysis().temp_size_in_bytes for program in (plain, lean)]
    assert temporary[1] < temporary[0] / 3


def test_a_grid_measures_in_full_precision_and_trains_in_that_of_the_machine():
    """A TPU multiplies float32 in bfloat16 unless it is told; what tells it is heard by a network as it is traced."""
    heard = {"training": set(), "measuring": set()}

    def net():
        def apply(params, inputs, key=None):
            heard["measuring" if key is None else "training"].add(jax.config.jax_default_matmul_precision)
            return params["w"] * jnp.sum(inputs)

        return vj.nets.from_functions(lambda key, shape, inputs: {"w": jnp.ones(shape)}, apply)

    model = vj.vae(net(), net(), data_shape=(5,), latent_size=2, likelihood=vj.likelihoods.bernoulli())
    taught = vj.trainer(model, vj.objectives.elbo(), optax.sgd(0.0))
    with jax.default_matmul_precision("bfloat16"):
        vj.fit(taught, np.tile(X > 0.5, (4, 1)).astype(np.uint8), epochs=1, num_samples=2)
    assert heard["training"] == {"bfloat16"}
    assert "float32" in heard["measuring"], heard
