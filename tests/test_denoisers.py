"""Denoisers against exact conditional means, noises against their own densities, and the door for noisy examples."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import vaejax as vj
from vaejax import denoisers
from vaejax.errors import DataError, VaejaxError

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)
W = np.array([[1.0, 0.3], [-0.5, 0.8], [0.7, 0.7]])
B = np.array([0.2, -0.1, 0.4])


def linear(likelihood, scale=0.8):
    """q(z|x) = N(W' (x - B) / 3, scale), p(x|z) with W z + B for its stats: q is far from the true posterior."""

    def encoder(shape):
        def apply(params, inputs, key):
            return jnp.stack([jnp.asarray(W.T, float) @ (inputs[0] - B) / 3, jnp.full(2, np.log(scale))])

        return vj.Net(lambda *_: (), apply)

    def decoder(shape):
        return vj.Net(lambda *_: (), lambda params, inputs, _: (jnp.asarray(W) @ inputs[1] + B)[None])

    model = vj.vae(encoder, decoder, data_shape=(3,), latent_size=2, likelihood=likelihood)
    return model, model.init(KEY, vj.Example(jnp.zeros((1, 3))))


NOISY = np.array([1.5, -0.8, 0.1])
SCALE, NOISE = 0.4, 0.7


def exact_mean():
    """E[x|y] of x ~ N(B, C), y = x + noise: B + C (C + noise^2)^-1 (y - B)."""
    c = W @ W.T + SCALE**2 * np.eye(3)
    return B + c @ np.linalg.solve(c + NOISE**2 * np.eye(3), NOISY - B)


def given(denoiser, model, params, example, seed=0):
    return np.asarray(jax.jit(lambda key: denoiser(key, model, params, example))(jax.random.key(seed)))


def test_of_a_linear_model_a_known_gaussian_noise_leaves_the_exact_conditional_mean(float64):
    model, params = linear(vj.likelihoods.normal(SCALE))
    noise, values = denoisers.gaussian(NOISE), jnp.linspace(-6, 6, 150)
    example = vj.Example(jnp.asarray(NOISY))
    found = given(denoisers.given_noise(noise, 20_000, values), model, params, example)
    np.testing.assert_allclose(found, exact_mean(), atol=0.02)
    assert np.abs(exact_mean() - given(denoisers.posterior_mean(500), model, params, example)).max() > 0.1


def test_the_most_probable_code_of_a_linear_model_is_its_mean(float64):
    """Of a normal posterior mean and mode are one."""
    import optax

    model, params = linear(vj.likelihoods.normal(SCALE))
    noise, values = denoisers.gaussian(NOISE), jnp.linspace(-6, 6, 150)
    found = given(
        denoisers.most_probable(noise, 300, values, optax.sgd(0.1)), model, params, vj.Example(jnp.asarray(NOISY))
    )
    np.testing.assert_allclose(found, exact_mean(), atol=1e-6)
    by_adam = given(denoisers.most_probable(noise, 200, values), model, params, vj.Example(jnp.asarray(NOISY)))
    np.testing.assert_allclose(by_adam, exact_mean(), atol=0.02)


RATE, BITS = 0.3, np.array([1.0, 0.0, 1.0])


def enumerated(noise_of_bit):
    """E[x|y] over every x in {0, 1}^3 and a grid of z: nothing is taken entry by entry."""
    grid = np.linspace(-6, 6, 121)
    z = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    p = 1 / (1 + np.exp(-(z @ W.T + B)))
    weight = np.exp(-0.5 * (z**2).sum(1))
    total, mean = 0.0, 0.0
    for x in itertools.product((0.0, 1.0), repeat=3):
        joint = (weight * np.prod(np.where(np.array(x) > 0, p, 1 - p), axis=1)).sum()
        joint *= np.prod([noise_of_bit(y, value) for y, value in zip(BITS, x, strict=True)])
        total, mean = total + joint, mean + joint * np.array(x)
    return mean / total


@pytest.mark.parametrize(
    ("noise", "of_bit"),
    [
        (denoisers.salt_and_pepper(RATE), lambda y, x: RATE / 2 + (1 - RATE) * (y == x)),
        (denoisers.zeroed(RATE), lambda y, x: (1 - RATE) * (y == x) + RATE * (y == 0)),
    ],
    ids=["salt and pepper", "zeroed"],
)
def test_of_bits_a_known_noise_leaves_the_mean_that_enumeration_finds(noise, of_bit, float64):
    model, params = linear(vj.likelihoods.bernoulli(), scale=1.0)
    found = given(denoisers.given_noise(noise, 20_000), model, params, vj.Example(jnp.asarray(BITS)))
    np.testing.assert_allclose(found, enumerated(of_bit), atol=0.01)


def test_what_was_not_observed_says_nothing_and_is_what_the_rest_says(float64):
    model, params = linear(vj.likelihoods.bernoulli(), scale=1.0)
    seen = jnp.array([True, False, True])
    denoiser = denoisers.given_noise(denoisers.salt_and_pepper(RATE), 20_000)
    found = [
        given(denoiser, model, params, vj.Example(jnp.asarray(BITS).at[1].set(hidden), observed=seen))
        for hidden in (0.0, np.nan)
    ]
    np.testing.assert_array_equal(*found)

    def of_bit(y, x):
        return RATE / 2 + (1 - RATE) * (y == x) if y == 1 else 1.0  # the second, a zero, was not seen

    np.testing.assert_allclose(found[0], enumerated(of_bit), atol=0.01)


def test_without_noise_an_entry_stays_as_it_is():
    model, params = linear(vj.likelihoods.bernoulli())
    for noise in (denoisers.salt_and_pepper(0.0), denoisers.zeroed(0.0)):
        for denoiser in (denoisers.given_noise(noise, 8), denoisers.most_probable(noise, 3)):
            np.testing.assert_allclose(given(denoiser, model, params, vj.Example(jnp.asarray(BITS, float))), BITS)


def test_reconstruction_is_that_of_the_verbs_and_iterated_repeats_it():
    model, params = linear(vj.likelihoods.normal(SCALE))
    x = jnp.asarray(NOISY, float)
    once = vj.reconstruct(model, params, x)
    thrice = vj.reconstruct(model, params, vj.reconstruct(model, params, once))
    np.testing.assert_allclose(given(denoisers.reconstruction(), model, params, vj.Example(x)), once, rtol=1e-5)
    np.testing.assert_allclose(given(denoisers.iterated(3), model, params, vj.Example(x)), thrice, rtol=1e-5)
    hidden = vj.Example(x.at[0].set(np.nan), observed=jnp.array([False, True, True]))
    assert np.isfinite(given(denoisers.iterated(3), model, params, hidden)).all()


def test_of_a_linear_decoder_the_posterior_mean_is_the_reconstruction_and_of_another_it_is_not():
    x = vj.Example(jnp.asarray(BITS, float))
    model, params = linear(vj.likelihoods.normal(SCALE))
    expected = given(denoisers.reconstruction(), model, params, x)
    np.testing.assert_allclose(given(denoisers.posterior_mean(10_000), model, params, x), expected, atol=0.04)
    model, params = linear(vj.likelihoods.bernoulli(), scale=3.0)
    draws = np.random.default_rng(0).normal(size=(40_000, 2)) * 3 + W.T @ (BITS - B) / 3
    mean = (1 / (1 + np.exp(-(draws @ W.T + B)))).mean(0)
    np.testing.assert_allclose(given(denoisers.posterior_mean(10_000), model, params, x), mean, atol=0.02)


FACTORISED = {
    "gaussian": denoisers.gaussian(0.3),
    "zeroed": denoisers.zeroed(0.4),
    "salt and pepper": denoisers.salt_and_pepper(0.4),
    "poisson": denoisers.poisson(4.0),
}


@pytest.mark.parametrize("name", FACTORISED)
@pytest.mark.parametrize("x", [0.0, 0.25, 1.0])
def test_a_noise_draws_from_its_density(name, x, float64):
    drawn = np.asarray(FACTORISED[name].corrupt(KEY, jnp.full(40_000, x)))
    if name == "gaussian":
        assert scipy.stats.kstest(drawn, lambda y: scipy.stats.norm.cdf(y, x, 0.3)).pvalue > 1e-3
        outcomes = np.linspace(-3, 4, 2001)
        mass = np.exp(FACTORISED[name].log_prob(jnp.asarray(outcomes), jnp.asarray(x))) * (outcomes[1] - outcomes[0])
    else:
        outcomes = np.arange(40) / 4 if name == "poisson" else np.arange(5) / 4
        mass = np.exp(FACTORISED[name].log_prob(jnp.asarray(outcomes), jnp.asarray(x)))
        shares = (np.abs(drawn[:, None] - outcomes) < 1e-9).mean(0)
        np.testing.assert_allclose(shares, mass, atol=0.01)
    assert mass.sum() == pytest.approx(1.0, abs=1e-6)


def test_a_block_is_one_square_anywhere():
    drawn = np.asarray(
        jax.vmap(lambda key: denoisers.blocks(3).corrupt(key, jnp.ones((5, 6, 2))))(jax.random.split(KEY, 400))
    )
    assert (drawn.reshape(400, -1).sum(1) == 60 - 18).all()
    hidden = 1 - drawn[..., 0]
    assert set(zip(hidden.any(2).argmax(1), hidden.any(1).argmax(1), strict=True)) == set(
        itertools.product(range(3), range(4))
    )
    assert (hidden.any(2).sum(1) == 3).all()


def test_any_noise_is_each_as_often():
    corrupt = denoisers.any_of(*(denoisers.Noise(str(k), lambda key, x, k=k: x + k, None) for k in range(4)))
    drawn = np.asarray(jax.vmap(lambda key: corrupt(key, jnp.zeros(())))(jax.random.split(KEY, 4000)))
    np.testing.assert_allclose(np.bincount(drawn.astype(int)) / 4000, 0.25, atol=0.03)


def test_the_strength_of_a_noise_may_be_traced():
    model, params = linear(vj.likelihoods.normal(SCALE))
    values, x = jnp.linspace(-4, 4, 40), vj.Example(jnp.asarray(NOISY, float))

    def of(strength):
        denoiser = denoisers.given_noise(denoisers.gaussian(strength), 50, values)
        return denoiser(KEY, model, params, x)

    np.testing.assert_allclose(jax.jit(of)(NOISE), of(NOISE), atol=1e-5)


def test_noisy_examples_are_streamed_and_checked_at_the_door():
    model, params = linear(vj.likelihoods.bernoulli())
    noisy = RNG.normal(size=(5, 3)).astype(np.float32)  # no bits
    denoiser = denoisers.posterior_mean(3)
    found = denoisers.denoise(KEY, model, params, noisy, denoiser)
    np.testing.assert_allclose(denoisers.denoise(KEY, model, params, noisy, denoiser, at_once=2), found, atol=1e-6)
    alone = denoiser(jax.random.fold_in(KEY, 4), model, params, vj.Example(jnp.asarray(noisy[4])))
    np.testing.assert_allclose(found[4], alone, atol=1e-6)
    default = denoisers.denoise(KEY, model, params, noisy)
    np.testing.assert_allclose(default[0], vj.reconstruct(model, params, jnp.asarray(noisy[0])), atol=1e-6)
    for bad, said in ((noisy[0], r"one example is x\[None\]"), (noisy * np.nan, "is NaN"), (noisy[:0], "at least one")):
        with pytest.raises(DataError, match=said):
            denoisers.denoise(KEY, model, params, bad)


@pytest.mark.parametrize("by", [None, denoisers.posterior_mean(2)], ids=["usual", "given"])
def test_a_denoiser_of_a_model_is_compiled_once(by):
    model, params = linear(vj.likelihoods.bernoulli())
    traced = []

    def decode(*given):
        traced.append(1)
        return model.decode(*given)

    counted = model._replace(decode=decode)
    denoisers.denoise(KEY, counted, params, np.ones((5, 3)), by)
    before = len(traced)
    denoisers.denoise(jax.random.key(1), counted, params, np.zeros((5, 3)), by)
    assert len(traced) == before > 0


def test_every_kind_of_model_denoises_and_maps_over_seeds():
    """A sphere, a hierarchy, one-hot latents, a model that was told a context."""
    net = vj.nets.mlp(4)
    shape = {"data_shape": (4,), "likelihood": vj.likelihoods.bernoulli()}
    on_sphere = {"posterior": vj.posteriors.von_mises_fisher(), "prior": vj.priors.uniform_sphere()}
    one_hot = {"posterior": vj.posteriors.categorical(3), "prior": vj.priors.uniform_categorical(3)}
    models = [
        vj.vae(net, net, latent_size=2, **on_sphere, **shape),
        vj.ladder(net, net, net, latent_sizes=(1, 2), **shape),
        vj.vae(net, net, latent_size=2, **one_hot, **shape),
    ]
    example = vj.Example(jnp.array([0.0, 1.0, 1.0, 0.0]), context=jnp.array([1.0, 0.0]))
    every = denoisers.iterated(2), denoisers.posterior_mean(2), denoisers.given_noise(denoisers.zeroed(0.3), 2)
    for model in models:
        batch = jax.tree.map(lambda leaf: leaf[None], example)

        def of_seed(seed, model=model, batch=batch):
            params = model.init(jax.random.key(seed), batch)
            return jnp.stack([denoiser(KEY, model, params, example) for denoiser in every])

        found = np.asarray(jax.jit(jax.vmap(of_seed))(jnp.arange(2)))
        assert found.shape == (2, 3, 4)
        assert ((found >= 0) & (found <= 1 + 1e-5)).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: denoisers.given_noise(denoisers.blocks()), "entries of blocks depend on each other"),
        (lambda: denoisers.most_probable(denoisers.blocks()), "say by Example.observed what was hidden"),
        (
            lambda: denoisers.blocks(9).corrupt(KEY, jnp.ones((4, 4))),
            "size must be a number of at least 0 and at most 4",
        ),
        (lambda: denoisers.blocks(2).corrupt(KEY, jnp.ones(4)), r"are of images, .* x has shape \(4,\)"),
        (lambda: denoisers.salt_and_pepper(1.5), "rate must be a number"),
        (lambda: denoisers.poisson(0.0), "peak must be a number above 0"),
        (lambda: denoisers.any_of(), "at least one noise"),
        (lambda: denoisers.iterated(0), "num_steps must be at least 1"),
        (lambda: denoisers.posterior_mean(0), "num_samples must be at least 1"),
        (
            lambda: given(
                denoisers.given_noise(denoisers.gaussian()), *linear(vj.likelihoods.normal()), vj.Example(jnp.ones(3))
            ),
            "is on the reals: say over which values of x to sum",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(call, said):
    with pytest.raises(VaejaxError, match=said):
        call()


def test_a_likelihood_whose_entries_depend_on_each_other_is_refused():
    model, params = linear(vj.likelihoods.bernoulli())
    joint = model._replace(log_likelihood=lambda *of: jnp.sum(model.log_likelihood(*of))[None])
    with pytest.raises(VaejaxError, match=r"one part for each entry \(3,\), got \(1,\): posterior_mean does without"):
        given(denoisers.given_noise(denoisers.zeroed()), joint, params, vj.Example(jnp.ones(3)))
