"""Counts to unequal depths: a decoder whose means are shares of each example's total."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax.errors import NetworkError

KEY = jax.random.key(0)
library_sized = vj.nets.library_sized


def counted(decoder, context, likelihood=None):
    """A model of counts of four features, and its parameters."""
    likelihood = likelihood or vj.likelihoods.negative_binomial()
    model = vj.vae(vj.nets.mlp(4), decoder, data_shape=(4,), latent_size=2, likelihood=likelihood)
    batch = vj.Example(jnp.ones((3, 4)), context=context)
    return model, model.init(KEY, batch)


def test_the_means_of_an_example_sum_to_its_total():
    totals = jnp.array([3.0, 100.0, 2e5])
    model, params = counted(library_sized(vj.nets.mlp(8)), totals)
    z = jax.random.normal(KEY, (3, 2))
    means = jax.vmap(lambda z, total: model.decode(params, z, vj.Example(jnp.ones(4), total)))(z, totals)
    np.testing.assert_allclose(means.sum(1), totals, rtol=1e-5)
    assert np.ptp(means / totals[:, None], axis=0).max() > 1e-3  # the shares are the latents'


def test_the_rows_after_the_first_stay_what_they_were():
    inner, z, shown = vj.nets.mlp(8), jnp.ones(2), jnp.ones((2, 4))
    net = library_sized(inner)((2, 4))
    params = net.init(KEY, (jnp.array(7), z), shown)
    found = net.apply(params, (jnp.array(7), z), None)
    plain = inner((2, 4)).apply(params, (None, z), None)
    np.testing.assert_array_equal(found[1], plain[1])
    np.testing.assert_allclose(found[0], np.log(7) + jax.nn.log_softmax(plain[0]), rtol=1e-6)


def test_shares_are_those_of_all_entries_of_an_event_of_any_shape():
    net = library_sized(vj.nets.mlp(8))((1, 2, 3))
    inputs = (jnp.array(50), jnp.ones(2))
    params = net.init(KEY, inputs, jnp.ones((1, 2, 3)))
    assert jnp.exp(net.apply(params, inputs, None)).sum() == pytest.approx(50, rel=1e-5)


def test_the_size_is_found_in_the_context_and_the_rest_may_be_seen():
    context = {"total": jnp.array(9.0), "batch": jnp.array([0.0, 1.0])}
    net = library_sized(vj.nets.mlp(), size=lambda c: c["total"], seen=lambda c: c["batch"])((1, 4))
    z, shown = jnp.ones(3), jnp.ones((1, 4))
    params = net.init(KEY, (context, z), shown)
    assert params["output"]["kernel"].shape == (2 + 3, 1, 4)  # the batch and the latents, never the total
    other = context | {"batch": jnp.array([1.0, 0.0])}
    assert not np.allclose(net.apply(params, (context, z), None), net.apply(params, (other, z), None))


def test_an_exposure_multiplies_rates_that_are_free():
    net = library_sized(vj.nets.mlp(), log_share=lambda row: row)((1, 4))
    z, shown = jnp.ones(3), jnp.ones((1, 4))
    params = net.init(KEY, (jnp.array(2.0), z), shown)
    once, twice = (net.apply(params, (jnp.array(time), z), None) for time in (2.0, 4.0))
    np.testing.assert_allclose(twice - once, np.log(2), rtol=1e-5)


@pytest.mark.parametrize(
    ("context", "words"),
    [(None, "got None"), (jnp.ones((3, 4)), r"shape \(4,\)"), ({"total": jnp.ones(3)}, "got {'total'")],
)
def test_a_context_that_is_no_total_is_refused(context, words):
    with pytest.raises(NetworkError, match=rf"the total count of an example, one number, and got .*{words[4:]}"):
        counted(library_sized(), context)


def test_an_example_without_a_single_count_has_a_density():
    model, params = counted(library_sized(), jnp.zeros(3), vj.likelihoods.poisson())
    log_mass = model.log_likelihood(params, jnp.ones(2), vj.Example(jnp.zeros(4), jnp.array(0)))
    assert bool(jnp.isfinite(log_mass).all())


def test_the_shares_that_fit_best_are_those_of_all_counts_together():
    """With z left out, the maximum of the Poisson likelihood is sum x / sum totals, known on paper."""
    totals = jnp.array([20.0, 300.0, 4000.0])
    x = jax.random.poisson(KEY, jnp.outer(totals, jnp.array([0.5, 0.3, 0.15, 0.05]))).astype(float)
    totals = x.sum(1)
    net, family = library_sized(vj.nets.mlp())((1, 4)), vj.likelihoods.poisson()
    params = net.init(KEY, (totals[0], jnp.zeros(2)), jnp.ones((1, 4)))

    def loss(params):
        stats = jax.vmap(lambda total: net.apply(params, (total, jnp.zeros(2)), None))(totals)
        return -jnp.sum(jax.vmap(lambda s, x: family.log_prob((), s, x))(stats, x)) / totals.sum()

    optimizer = optax.adam(0.05)

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.jit(lambda start: jax.lax.scan(step, start, None, 500))((params, optimizer.init(params)))
    shares = jnp.exp(net.apply(params, (totals[0], jnp.zeros(2)), None)[0]) / totals[0]
    np.testing.assert_allclose(shares, x.sum(0) / totals.sum(), rtol=1e-3)
