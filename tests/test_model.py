"""The model and its verbs: what an example may carry, what is refused, and the rate as an expectation."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax.assembly import built
from vaejax.errors import NetworkError, VaejaxError

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).uniform(size=(6, 4)), jnp.float32)


def made(**settings):
    nets = {"encoder": vj.nets.mlp(5), "decoder": vj.nets.mlp(5)}
    return vj.vae(**{**nets, "data_shape": (4,), "latent_size": 2, **settings})


def moved(params):
    """Parameters away from their first values, so that biases and scales are not zero."""
    return jax.tree.map(lambda a: a + 0.1 * jnp.cos(jnp.arange(a.size, dtype=a.dtype)).reshape(a.shape), params)


def evaluate(objective, model):
    return jax.jit(lambda key, params, batch: objective.evaluate(key, model, params, batch))


# the verbs


def test_verbs_are_compositions_of_the_models_functions():
    model = made()
    params = moved(vj.init(KEY, model, X))

    @jax.jit
    def both(key, x):
        example, blank = vj.Example(x), vj.Example(jnp.zeros(4))
        prior_key, likelihood_key = jax.random.split(key)
        z = model.sample_prior(prior_key, params, blank)
        verbs = (
            vj.encode(model, params, x),
            vj.sample(key, model, params, x).z,
            vj.reconstruct(model, params, x),
            vj.generate(key, model, params),
            vj.terms(key, model, params, x).distortion,
        )
        by_hand = (
            model.encode(params, example),
            model.sample(key, params, example).z,
            vj.decode(model, params, vj.encode(model, params, x)),
            model.sample_likelihood(likelihood_key, params, z, blank),
            -jnp.sum(model.log_likelihood(params, model.sample(key, params, example).z, example)),
        )
        return verbs, by_hand

    for found, expected in zip(*both(KEY, X[0]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("verb", [vj.encode, vj.reconstruct])
@pytest.mark.parametrize(
    ("x", "words"),
    [
        (
            np.zeros((7, 4)),
            r"one example of shape \(4,\), got \(7, 4\) \(a batch: map over it with jax.vmap\)",
        ),
        (np.zeros(5), r"expected one example of shape \(4,\), got \(5,\)$"),
        (np.zeros(4, np.uint8), "expected x as floats as the model was trained on, got uint8: scale it first"),
    ],
)
def test_a_verb_refuses_what_is_not_one_example(verb, x, words):
    with pytest.raises(VaejaxError, match=words):
        verb(made(), {}, x)


def test_init_refuses_examples_of_another_shape():
    with pytest.raises(VaejaxError, match=r"examples of shape \(4,\), got an array of shape \(3, 5\)"):
        vj.init(KEY, made(), jnp.zeros((3, 5)))


# context


def test_a_conditional_model_uses_its_context():
    """x is the one-hot context itself, repeated with noise: only the decoder's context can tell it without a latent."""
    labels = jnp.arange(32) % 4
    context = jax.nn.one_hot(labels, 4)
    batch = vj.Example(context + 0.01 * jax.random.normal(KEY, (32, 4)), context=context)
    model = vj.vae(vj.nets.mlp(), vj.nets.mlp(), data_shape=(4,), latent_size=1, likelihood=vj.likelihoods.normal(0.3))
    trainer = vj.trainer(model, vj.objectives.elbo(20.0), optax.adam(0.05))  # the latent is too dear to be used

    @jax.jit
    def trained(state):
        return jax.lax.scan(lambda s, i: trainer.step(jax.random.fold_in(KEY, i), s, batch), state, jnp.arange(200))

    state, bounds = trained(trainer.init(KEY, batch))
    assert bounds.rate[-1] < 0.05
    for label in range(4):
        one_hot = jax.nn.one_hot(label, 4)
        np.testing.assert_allclose(vj.decode(model, state.params, jnp.zeros(1), one_hot), one_hot, atol=0.1)
        assert int(jnp.argmax(vj.generate(KEY, model, state.params, one_hot))) == label
    with pytest.raises(Exception, match=r"shape|param"):  # a model that was given a context needs one
        vj.decode(model, state.params, jnp.zeros(1))


def test_the_encoder_sees_the_context_too():
    model = made()
    params = model.init(KEY, vj.Example(X, context=jnp.ones((6, 3))))
    codes = jax.jit(lambda c: vj.encode(model, params, vj.Example(X[0], context=c)))
    assert np.abs(codes(jnp.array([1.0, 0, 0])) - codes(jnp.array([0, 1.0, 0]))).min() > 1e-3
    assert params["encoder"]["hidden_0"]["kernel"].shape == (7, 5)
    assert params["decoder"]["hidden_0"]["kernel"].shape == (5, 5)


# unobserved entries, weights, keys


@pytest.mark.parametrize("objective", [vj.objectives.elbo(), vj.objectives.iwae(2)])
def test_what_stands_on_an_unobserved_entry_does_not_matter(objective):
    model = made()
    params = moved(vj.init(KEY, model, X))
    observed = jnp.asarray(np.random.default_rng(1).uniform(size=X.shape) < 0.6)
    gradient = jax.jit(
        jax.value_and_grad(lambda p, x: objective.evaluate(KEY, model, p, vj.Example(x, observed=observed)).value)
    )
    value, slopes = gradient(params, X)
    for wrong in (jnp.nan, jnp.inf, 7.0):
        again, slopes_again = gradient(params, jnp.where(observed, X, wrong))
        assert value == again
        jax.tree.map(np.testing.assert_array_equal, slopes, slopes_again)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves((value, slopes)))


def test_only_observed_entries_are_explained():
    model = made()
    params = moved(vj.init(KEY, model, X))
    z = jnp.array([0.3, -0.2])
    observed = jnp.array([True, False, True, False])
    parts = model.log_likelihood(params, z, vj.Example(X[0], observed=observed))
    everything = model.log_likelihood(params, z, vj.Example(X[0]))
    np.testing.assert_allclose(parts, jnp.where(observed, everything, 0.0), rtol=1e-6)


def test_a_mask_needs_a_part_for_each_entry():
    one = vj.likelihoods.normal()
    joint = one._replace(log_prob=lambda *a: jnp.sum(one.log_prob(*a))[None])
    model = made(likelihood=joint)
    params = vj.init(KEY, model, X)
    with pytest.raises(VaejaxError, match=r"needs a likelihood with one part per entry, got \(1,\)"):
        model.log_likelihood(params, jnp.zeros(2), vj.Example(X[0], observed=jnp.ones(4, bool)))


@pytest.mark.parametrize("objective", [vj.objectives.elbo(2.0), vj.objectives.iwae(3)])
def test_padding_of_weight_zero_counts_for_nothing(objective):
    model = made()
    params = moved(vj.init(KEY, model, X))
    weight = jnp.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    padded = jnp.asarray(X).at[4:].set(3.0)
    value = jax.jit(jax.value_and_grad(lambda p, b: objective.evaluate(KEY, model, p, b).value))
    found = value(params, vj.Example(padded, weight=weight))
    again = value(params, vj.Example(X.at[4:].set(-5.0), weight=weight))
    jax.tree.map(np.testing.assert_array_equal, found, again)
    short = evaluate(objective, model)(KEY, params, vj.Example(X[:4]))
    np.testing.assert_allclose(found[0], short.value, rtol=1e-5)
    doubled = evaluate(objective, model)(KEY, params, vj.Example(X, weight=jnp.array([2.0, 2.0, 2.0, 2.0, 0.0, 0.0])))
    np.testing.assert_allclose(doubled.value, short.value, rtol=1e-5)


def test_the_key_of_an_example_reaches_the_networks_and_only_then_do_they_drop_out():
    def dropped(builder):
        def build(shape):
            net = builder(shape)

            def apply(params, inputs, key):
                if key is not None:
                    keep = jax.random.bernoulli(key, 0.5, shape)
                    return net.apply(params, inputs, None) * keep
                return net.apply(params, inputs, None)

            return vj.Net(net.init, apply)

        return build

    model = made(encoder=dropped(vj.nets.mlp()), decoder=dropped(vj.nets.mlp()), data_shape=(40,), latent_size=20)
    x = jnp.linspace(0, 1, 40)
    params = moved(vj.init(KEY, model, x[None]))
    codes = [vj.encode(model, params, vj.Example(x, key=k)) for k in (None, *jax.random.split(KEY, 2))]
    assert [bool(jnp.any(code == 0)) for code in codes] == [False, True, True]
    assert bool(jnp.any(codes[1] != codes[2]))
    images = [model.decode(params, codes[0], vj.Example(x, key=k)) for k in (None, KEY)]
    assert [bool(jnp.any(image == 0)) for image in images] == [False, True]


# what is refused


@pytest.mark.parametrize("name", ["encoder", "decoder"])
def test_a_network_with_another_output_is_refused_with_the_shape_it_needs(name):
    wrong = vj.Net(lambda *_: (), lambda *_: jnp.zeros((3, 7)))
    shape = r"\(2, 2\)" if name == "encoder" else r"\(1, 4\)"
    with pytest.raises(NetworkError, match=rf"the {name} must give an array of shape {shape} .* it gives \(3, 7\)"):
        vj.init(KEY, made(**{name: lambda _: wrong}), X)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "latent_size must be at least 1, got 0"),
        (-1, "latent_size must be at least 1, got -1"),
        (2.5, "latent_size must be a whole number, got 2.5"),
        (float("nan"), "latent_size must be a whole number, got nan"),
        (float("inf"), "latent_size must be a whole number, got inf"),
        ("a", "latent_size must be a whole number, got 'a'"),
        (None, "latent_size must be a whole number, got None"),
        ([2, 3], r"latent_size must be a whole number, got \[2, 3\]"),
    ],
)
@pytest.mark.parametrize("widest", [None, 5])
def test_a_latent_size_that_is_none_is_refused(size, words, widest):
    with pytest.raises(VaejaxError, match=words):
        made(latent_size=size, max_latent_size=widest)


def test_a_latent_size_above_the_widest_is_refused():
    with pytest.raises(VaejaxError, match="latent_size must be at most max_latent_size=5, got 6"):
        made(latent_size=6, max_latent_size=5)
    with pytest.raises(VaejaxError, match="max_latent_size must be at least 1, got 0"):
        made(max_latent_size=0)


def test_what_is_no_network_is_refused():
    with pytest.raises(VaejaxError, match=r"the encoder must be a function from the shape .* got 3"):
        inspect.unwrap(built)("encoder", 3, (2, 2))  # as it is where no annotation is checked
    with pytest.raises(VaejaxError, match=r"the decoder must give a vj.Net .* \(1, 4\), got 'a'"):
        made(decoder=lambda _: "a")
    with pytest.raises(VaejaxError, match="the width of a layer must be at least 1, got 0"):
        vj.nets.mlp(0)
    with pytest.raises(VaejaxError, match="activation must be a function"):
        inspect.unwrap(vj.nets.mlp)(3, activation="gelu")


@pytest.mark.parametrize("beta", [-1.0, float("nan"), float("inf"), "a", [1.0]])
def test_a_beta_that_is_no_weight_is_refused(beta):
    with pytest.raises(VaejaxError, match="beta must be"):
        vj.objectives.elbo(beta)


@pytest.mark.parametrize(
    "make",
    [
        lambda: vj.likelihoods.normal(0.0),
        lambda: vj.likelihoods.learned_normal(-1.0),
        lambda: vj.likelihoods.optimal_normal(float("nan")),
        lambda: vj.likelihoods.binomial(1),
        lambda: vj.likelihoods.discretized_logistic(2.5),
        lambda: vj.priors.mixture(0),
        lambda: vj.objectives.iwae(0),
        lambda: vj.objectives.capacity(-1.0),
        lambda: vj.objectives.capacity(1.0, -2.0),
    ],
)
def test_a_setting_out_of_range_is_refused(make):
    with pytest.raises(VaejaxError, match=r"must be .*, got"):
        make()


# what the terms mean


@pytest.mark.parametrize("latents", [{}, {"latent_size": 2, "max_latent_size": 4}])
def test_the_closed_form_rate_is_the_mean_of_log_q_minus_log_p(latents):
    model = made(**latents)
    params, example = moved(vj.init(KEY, model, X)), vj.Example(X[0])
    params["encoder"]["output"]["bias"] += 0.7

    @jax.jit
    @jax.vmap
    def costs(key):
        draw = model.sample(key, params, example)
        log_p = jnp.sum(model.log_prior(params, draw.z, example))
        again = jnp.sum(model.log_posterior(params, draw.z, example))
        return jnp.sum(draw.rate), jnp.sum(draw.log_q) - log_p, jnp.sum(draw.log_q) - again

    rate, sampled, difference = costs(jax.random.split(KEY, 20_000))
    assert float(jnp.ptp(rate)) == 0
    assert float(rate[0]) > 0.3
    standard_error = float(jnp.std(sampled)) / np.sqrt(len(sampled))
    assert abs(float(jnp.mean(sampled) - rate[0])) < 4 * standard_error
    np.testing.assert_allclose(difference, 0, atol=1e-4)  # log_q is the density of the posterior at z


def test_a_mixture_of_one_standard_normal_has_the_rate_of_the_standard_normal_in_expectation():
    closed, sampled = made(), made(prior=vj.priors.mixture(1))
    params = moved(vj.init(KEY, sampled, X))
    params["prior"] = jax.tree.map(jnp.zeros_like, params["prior"])

    def rates(model):
        return jax.jit(jax.vmap(lambda key: vj.terms(key, model, params, X[0]).rate))(jax.random.split(KEY, 20_000))

    exact, estimate = rates(closed), rates(sampled)
    assert abs(float(jnp.mean(estimate) - exact[0])) < 4 * float(jnp.std(estimate)) / np.sqrt(len(estimate))
