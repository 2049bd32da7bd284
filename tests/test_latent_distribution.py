"""Where codes lie, by a model with known posteriors: moments, variations, samples from fitted densities, holes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist

import vaejax as vj
from vaejax import latent
from vaejax.errors import DataError, VaejaxError
from vaejax.families import no_params

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
NOISE = 0.5
W = np.linalg.qr(RANDOM.normal(size=(3, 2)))[0] * [2.0, 0.6]  # the posterior factorises
VARIANCE = NOISE**2 / (np.sum(W**2, axis=0) + NOISE**2)
GAIN = W.T * (VARIANCE / NOISE**2)[:, None]  # of the posterior mean
X = (RANDOM.normal(size=(600, 2)) @ W.T + NOISE * RANDOM.normal(size=(600, 3))).astype(np.float32)


def linear():
    """p(x) = N(0, W W^T + s^2 I), with its exact posterior, or one whose means are `away` from it."""

    def encoder(shape):
        def apply(params, inputs, key):
            scale = jnp.asarray(0.5 * np.log(VARIANCE), jnp.float32)
            return jnp.stack([jnp.asarray(GAIN, jnp.float32) @ inputs[0] + params["away"], scale])

        return vj.Net(lambda *_: {"away": jnp.zeros(())}, apply)

    def decoder(shape):
        return vj.Net(no_params, lambda p, inputs, k: (jnp.asarray(W, jnp.float32) @ inputs[1])[None])

    return vj.vae(encoder, decoder, data_shape=(3,), latent_size=2, likelihood=vj.likelihoods.normal(NOISE))


MODEL = linear()
PARAMS = vj.init(KEY, MODEL, X[:1])
EXAMPLES = vj.examples_of(MODEL, X)
MIXTURE = vj.samplers.gaussian_mixture(1, num_steps=1)


def small(**more):
    net = vj.nets.mlp(8)
    made = vj.vae(net, net, data_shape=(3,), **{"latent_size": 2, **more})
    return made, vj.init(KEY, made, X[:1])


def normal_at(mean, scale):
    """A mixture of one, fitted to nothing."""
    size = len(mean)
    roots = scale * jnp.eye(size)[None]
    return {"log_weights": jnp.zeros(1), "means": jnp.asarray(mean, jnp.float32)[None], "roots": roots}


def test_posteriors_are_the_exact_ones():
    found = latent.posteriors_of(KEY, MODEL, PARAMS, EXAMPLES, num_draws=200)
    np.testing.assert_allclose(found.means, X @ GAIN.T, atol=1e-5)
    ratio = found.scales / np.sqrt(VARIANCE)
    assert found.scale_error == pytest.approx(1 / np.sqrt(398))
    assert ratio.std() == pytest.approx(found.scale_error, rel=0.1)
    assert ratio.mean() == pytest.approx(1, abs=4 * found.scale_error / np.sqrt(ratio.size) + 0.002)
    again = latent.posteriors_of(KEY, MODEL, PARAMS, EXAMPLES, num_draws=200, at_once=250)
    np.testing.assert_allclose(again.scales, found.scales, rtol=1e-4)


def test_variations_have_the_spread_of_the_posterior_predictive():
    found = jax.jit(lambda x: latent.variations(KEY, MODEL, PARAMS, x, 4000))(X[0])
    spread = np.sqrt(np.diag(W * VARIANCE @ W.T))
    np.testing.assert_allclose(found.spread, spread, rtol=0.06)
    np.testing.assert_allclose(found.total_spread, np.sqrt(spread**2 + NOISE**2), rtol=0.06)
    np.testing.assert_allclose(found.mean, W @ GAIN @ X[0], atol=4.5 * spread.max() / np.sqrt(4000))
    np.testing.assert_allclose(found.codes.std(0), np.sqrt(VARIANCE), rtol=0.06)


def test_the_aggregate_of_an_exact_posterior_is_the_prior_and_one_off_it_is_seen():
    """q(z) = N(away, I): KL away^2 / 2 in each latent, and 1-Wasserstein distance away."""
    away = PARAMS | {"encoder": {"away": jnp.asarray(0.7)}}
    at, off = (latent.aggregate(KEY, MODEL, params, EXAMPLES, num_decomposed=300) for params in (PARAMS, away))
    np.testing.assert_allclose(at.mean, 0, atol=0.2)
    np.testing.assert_allclose(at.covariance, np.eye(2), atol=0.2)
    np.testing.assert_array_less(at.kl, 0.02)
    np.testing.assert_array_less(at.distance, 3 * at.floor + 0.05)
    np.testing.assert_allclose(off.kl, 0.245, atol=0.1)
    np.testing.assert_allclose(off.distance, 0.7, atol=0.15)
    assert off.frechet == pytest.approx(0.98, abs=0.4)
    assert max(at.frechet, at.frechet_floor) < 0.1
    assert off.decomposition.dimension_wise - at.decomposition.dimension_wise == pytest.approx(0.49, abs=0.2)


def test_an_aggregate_whose_posterior_has_no_parts_says_so():
    model, params = small(posterior=vj.posteriors.full_normal())
    found = latent.aggregate(KEY, model, params, EXAMPLES)
    assert "one part for each latent" in found.decomposition
    assert np.isfinite(found.distance).all()


def test_the_prior_as_a_sampler_is_the_model_s_own():
    prior = latent.prior_of(MODEL)
    np.testing.assert_array_equal(
        latent.generate_from(KEY, MODEL, PARAMS, prior, PARAMS), vj.generate(KEY, MODEL, PARAMS)
    )
    np.testing.assert_array_equal(
        latent.generate_mean_from(KEY, MODEL, PARAMS, prior, PARAMS), vj.generate_mean(KEY, MODEL, PARAMS)
    )
    expected = scipy.stats.norm.logpdf([0.3, -1.0]).sum()
    assert prior.log_prob(PARAMS, jnp.array([0.3, -1.0])) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(VaejaxError, match="its parameters are the model's params"):
        prior.fit(KEY, jnp.zeros((3, 2)))


def test_latents_out_of_use_are_no_numbers_of_a_code_and_zero_in_a_latent():
    model, params = small(latent_size=2, max_latent_size=5)
    codes = latent.codes_of(KEY, model, params, EXAMPLES)
    assert codes.shape == (600, 2)
    z = latent.latent_of(model, jnp.asarray(codes[0]))
    assert z.shape == (5,)
    np.testing.assert_array_equal(z[2:], 0)
    np.testing.assert_array_equal(latent.code_of(model, z), codes[0])
    assert latent.generate_from(KEY, model, params, MIXTURE, normal_at([0.0, 1.0], 1.0)).shape == (3,)
    with pytest.raises(VaejaxError, match="the 2 numbers in use of this model's latents, got shape"):
        latent.generate_from(KEY, model, params, MIXTURE, normal_at([0.0, 0.0, 0.0], 1.0))
    with pytest.raises(VaejaxError, match="the number of latents in use is traced here"):
        jax.jit(lambda size: latent.code_of(small(latent_size=size, max_latent_size=5)[0], z))(2)


def test_latents_of_several_numbers_stay_together_and_discrete_ones_are_resampled():
    model, params = small(
        posterior=vj.posteriors.categorical(4), prior=vj.priors.uniform_categorical(4), latent_size=2, max_latent_size=3
    )
    codes = jnp.asarray(latent.codes_of(KEY, model, params, EXAMPLES))
    assert codes.shape == (600, 8)
    z = latent.latent_of(model, codes[0])
    np.testing.assert_array_equal(z.sum(1), [1, 1, 0])
    with pytest.raises(DataError, match=r"latents are discrete; use samplers\.empirical"):
        MIXTURE.fit(KEY, codes)
    sampler = vj.samplers.empirical()
    assert latent.generate_from(KEY, model, params, sampler, sampler.fit(KEY, codes)).shape == (3,)


def test_a_ladder_has_codes_of_all_its_groups():
    net = vj.nets.mlp(8)
    model = vj.ladder(net, net, net, data_shape=(3,), latent_sizes=(1, 2), max_latent_size=2)
    params = vj.init(KEY, model, X[:1])
    codes = jnp.asarray(latent.codes_of(KEY, model, params, EXAMPLES))
    assert codes.shape == (600, 3)
    fitted = normal_at([0.0, 1.0, 2.0], 1.0)
    assert latent.generate_mean_from(KEY, model, params, MIXTURE, fitted).shape == (3,)
    assert np.isfinite(latent.hole_score(model, params, MIXTURE, fitted)(codes[0]))


def test_a_context_reaches_prior_and_decoder():
    told = vj.nets.mlp()
    model = vj.vae(told, told, data_shape=(3,), latent_size=2, prior=vj.posteriors.normal(), prior_net=told)
    context = {"class": jnp.eye(2)[np.arange(600) % 2]}
    examples = vj.examples_of(model, X, context=context)
    params = model.init(KEY, jax.tree.map(lambda leaf: jnp.asarray(leaf[:1]), examples))
    one, two = ({"class": jnp.eye(2)[k]} for k in range(2))
    fitted = normal_at([0.0, 1.0], 1.0)
    made = [latent.generate_mean_from(KEY, model, params, MIXTURE, fitted, which) for which in (one, two)]
    assert np.abs(made[0] - made[1]).max() > 0.01
    scores = [latent.hole_score(model, params, MIXTURE, fitted, which)(jnp.ones(2)) for which in (one, two)]
    assert abs(scores[0] - scores[1]) > 0.01
    assert np.isfinite(latent.aggregate(KEY, model, params, examples, num_decomposed=50).prior_mean).all()


def test_a_hole_score_is_the_ratio_of_two_normals():
    z, fitted = np.array([0.5, -2.0]), normal_at([1.0, 0.0], 0.3)
    expected = scipy.stats.norm.logpdf(z).sum() - scipy.stats.norm(loc=[1.0, 0.0], scale=0.3).logpdf(z).sum()
    score = latent.hole_score(MODEL, PARAMS, MIXTURE, fitted)
    assert score(jnp.asarray(z, jnp.float32)) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(VaejaxError, match=r"two_stage is not known.*latent\.distance_score"):
        latent.hole_score(MODEL, PARAMS, vj.samplers.two_stage(), ())


@pytest.mark.parametrize("k", [1, 4])
def test_a_distance_is_scipy_s(k):
    codes, others = RANDOM.normal(size=(50, 3)) * [1.0, 10.0, 0.1], RANDOM.normal(size=(20, 3)) * [1.0, 10.0, 0.1]
    expected = np.sort(cdist(others, codes, "seuclidean", V=codes.var(0)))[:, k - 1]
    found = jax.vmap(latent.distance_score(jnp.asarray(codes), k))(jnp.asarray(others))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_threshold_is_passed_by_as_many_as_it_says_whatever_the_law():
    scores = RANDOM.gamma(0.3, size=(4000, 60))
    rates = [one[59] > latent.threshold_of(one[:59], 0.1) for one in scores]
    assert np.mean(rates) == pytest.approx(0.1, abs=4.5 * 0.3 / np.sqrt(4000))
    with pytest.raises(DataError, match="at least 19 scores of held-out codes"):
        latent.threshold_of(jnp.zeros(18), 0.05)
    with pytest.raises(DataError, match="1 of them NaN"):
        latent.threshold_of(np.append(np.zeros(50), np.nan), 0.05)


def draw(key):
    return jax.random.normal(key, (1,))


def test_what_is_rejected_leaves_the_law_cut_off():
    """P(z > 1) = 0.159: tries are geometric, and what passes is a truncated normal."""
    keys = jax.random.split(KEY, 3000)
    found = jax.jit(jax.vmap(lambda key: latent.rejected(key, draw, lambda z: -z[0], -1.0, num_tries=64)))(keys)
    assert found.passed.all()
    assert found.tries.mean() == pytest.approx(1 / 0.1587, abs=4.5 * 5.8 / np.sqrt(3000))
    law = scipy.stats.truncnorm(1.0, np.inf)
    assert scipy.stats.kstest(np.asarray(found.code[:, 0]), law.cdf).pvalue > 1e-3


def test_the_first_draw_that_passes_is_the_code():
    """Not a later one that passes too, though its law would be the same."""
    found = jax.jit(lambda key: latent.rejected(key, draw, lambda z: -z[0], -1.0, num_tries=64))(KEY)
    every = [float(draw(key)[0]) for key in jax.random.split(KEY, 64)]
    passing = [at for at, z in enumerate(every) if z >= 1.0]
    assert len(passing) > 1
    assert found.code[0] == pytest.approx(every[passing[0]])
    assert found.tries == passing[0] + 1


def test_where_nothing_passes_the_lowest_score_is_kept():
    found = jax.jit(lambda key: latent.rejected(key, draw, lambda z: jnp.abs(z[0]), -1.0, num_tries=16))(KEY)
    every = [abs(float(draw(key)[0])) for key in jax.random.split(KEY, 16)]
    assert not found.passed
    assert found.tries == 16
    assert found.score == pytest.approx(min(every))


def test_a_code_is_moved_until_it_passes_and_no_further():
    codes, score = jnp.array([[0.0, 0.0], [10.0, 0.0]]), lambda z: jnp.abs(z[0])
    far, near = jnp.array([4.0, 0.0]), jnp.array([0.5, 0.7])
    mend = jax.jit(lambda z: latent.repaired(KEY, z, latent.to_nearest(codes, 0.5), score, 1.0))
    found, same = mend(far), mend(near)
    np.testing.assert_allclose(found.code, [1.0, 0.0])
    assert (bool(found.passed), float(found.moved), float(found.score)) == (True, 3.0, 1.0)
    np.testing.assert_array_equal(same.code, near)
    assert same.moved == 0
    never = latent.repaired(KEY, far, lambda key, z: z + 1, score, 1.0, num_steps=3)
    np.testing.assert_array_equal(never.code, far)
    assert not never.passed


def test_uphill_leads_to_the_mode():
    fitted, score = normal_at([1.0, -1.0], 2.0), latent.distance_score(jnp.array([[1.0, -1.0]]))
    move = latent.uphill(MIXTURE, fitted, 0.25)
    found = jax.jit(lambda z: latent.repaired(KEY, z, move, score, 0.2, num_steps=30))(jnp.array([5.0, 2.0]))
    assert found.passed
    assert found.moved == pytest.approx(4.75, abs=0.26)


def test_encode_decode_of_the_linear_model_contracts_as_on_paper():
    """z' ~ N(G W z, V)."""
    z = jnp.array([1.0, -2.0])
    keys = jax.random.split(KEY, 2000)
    moved = jax.jit(jax.vmap(lambda key: latent.encode_decode(MODEL, PARAMS)(key, z)))(keys)
    np.testing.assert_allclose(moved.mean(0), GAIN @ W @ z, atol=4.5 * np.sqrt(VARIANCE.max() / 2000))
    np.testing.assert_allclose(moved.std(0), np.sqrt(VARIANCE), rtol=0.1)


def test_an_ensemble_goes_through_all_of_it_at_once():
    model, _ = small()
    params = jax.vmap(lambda key: model.init(key, vj.Example(jnp.asarray(X[:1]))))(jax.random.split(KEY, 3))

    def of_seed(params):
        draws = jax.vmap(lambda key, x: vj.sample(key, model, params, x).z)(
            jax.random.split(KEY, 200), jnp.asarray(X[:200])
        )
        codes = jax.vmap(partial(latent.code_of, model))(draws)
        fitted, prior = MIXTURE.fit(KEY, codes[:100]), latent.prior_of(model)
        score = latent.hole_score(model, params, MIXTURE, fitted)
        threshold = jnp.quantile(jax.vmap(score)(codes[100:]), 0.95)
        found = latent.rejected(KEY, lambda key: prior.sample(key, params), score, threshold)
        return vj.decode(model, params, latent.latent_of(model, found.code)), found.passed

    images, passed = jax.jit(jax.vmap(of_seed))(params)
    assert images.shape == (3, 3)
    assert passed.all()
    one = jax.jit(of_seed)(jax.tree.map(lambda leaf: leaf[1], params))[0]
    np.testing.assert_allclose(images[1], one, atol=1e-4)
