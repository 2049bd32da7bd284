"""Densities fitted to codes: scikit-learn's and scipy's, closed forms, samplers against densities, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn.mixture import GaussianMixture

import vaejax as vj
from vaejax import samplers, store
from vaejax.errors import DataError, VaejaxError

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
ROOT = np.array([[1.0, 0.0], [-0.8, 0.6]])
CENTRES = np.array([[0.0, 0.0], [8.0, 1.0], [-2.0, 9.0]])
CODES = np.repeat(CENTRES, (200, 150, 50), axis=0) + RANDOM.normal(size=(400, 2)) @ ROOT.T
SMALL = vj.priors.coupling_flow(2, 4, hidden=8)
EVERY = {
    "gaussian_mixture": samplers.gaussian_mixture(3, num_steps=20),
    "kernel_density": samplers.kernel_density(),
    "flow": samplers.flow(SMALL, num_steps=50),
    "two_stage": samplers.two_stage(vj.nets.mlp(8), num_steps=20),
    "empirical": samplers.empirical(),
    "tempered": samplers.tempered(samplers.gaussian_mixture(1, num_steps=1), 0.5),
}
DENSE = [name for name, sampler in EVERY.items() if sampler.log_prob is not None]


@pytest.fixture(scope="module")
def fitted():
    """Of every sampler, to the same codes."""
    codes = jnp.asarray(CODES, jnp.float32)
    return {name: jax.jit(sampler.fit)(KEY, codes) for name, sampler in EVERY.items()}


def fit_to(sampler, codes):
    return jax.jit(sampler.fit)(KEY, jnp.asarray(codes, float))


def draws_of(sampler, params, num):
    return jax.jit(jax.vmap(sampler.sample, (0, None)))(jax.random.split(jax.random.key(5), num), params)


def log_prob_of(sampler, params, codes):
    return jax.jit(jax.vmap(sampler.log_prob, (None, 0)))(params, jnp.asarray(codes))


def test_every_sampler_of_the_room_is_in_the_table():
    made = {name for name in dir(samplers) if isinstance(getattr(samplers, name), type(samplers.flow))}
    widths = {"leave_one_out", "scott", "silverman"}
    assert {name for name in made if not name.startswith("_")} - widths == set(EVERY)


def test_a_mixture_has_the_likelihood_of_scikit_learn_s(float64):
    sampler = samplers.gaussian_mixture(3, num_steps=200, least=1e-9)
    found = fit_to(sampler, CODES)
    known = GaussianMixture(3, reg_covar=1e-9, tol=1e-12, max_iter=500, random_state=0).fit(CODES)
    np.testing.assert_allclose(log_prob_of(sampler, found, CODES), known.score_samples(CODES), atol=1e-5)
    np.testing.assert_allclose(sorted(np.exp(found["log_weights"])), sorted(known.weights_), atol=1e-6)


def test_a_mixture_of_one_is_the_normal_of_the_moments(float64):
    least = 1e-3
    sampler = samplers.gaussian_mixture(1, num_steps=1, least=least)
    found = fit_to(sampler, CODES)
    covariance = np.cov(CODES.T, ddof=0) + least * np.diag(CODES.var(0))
    expected = scipy.stats.multivariate_normal(CODES.mean(0), covariance).logpdf(CODES)
    np.testing.assert_allclose(log_prob_of(sampler, found, CODES), expected, rtol=1e-9)


def test_more_steps_of_expectation_maximisation_fit_better(float64):
    codes = RANDOM.normal(size=(300, 2)) * [1.0, 0.3] + RANDOM.uniform(size=(300, 1))
    made = [samplers.gaussian_mixture(4, num_steps=steps, least=1e-9) for steps in (2, 40)]
    found = [float(log_prob_of(one, fit_to(one, codes), codes).mean()) for one in made]
    assert found[1] > found[0] + 0.01


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_kernels_are_scipy_s(rule, float64):
    sampler = samplers.kernel_density(getattr(samplers, rule))
    expected = scipy.stats.gaussian_kde(CODES.T, rule).logpdf(CODES[:50].T + 0.3)
    found = log_prob_of(sampler, fit_to(sampler, CODES), CODES[:50] + 0.3)
    np.testing.assert_allclose(found, expected, atol=1e-4)  # a millionth is added to covariances


def test_the_width_left_one_out_is_the_best_by_plain_loops(float64):
    codes = RANDOM.normal(size=(40, 2))
    widths = np.geomspace(0.03, 1.5, 32)
    squares = np.square(codes[:, None] - codes).sum(-1)
    squares = squares[~np.eye(40, dtype=bool)].reshape(40, 39)

    def left_out(h):
        return scipy.special.logsumexp(-0.5 * squares / h**2, axis=1).mean() - 2 * np.log(h)

    best = max(widths, key=left_out)
    assert float(jax.jit(samplers.leave_one_out)(jnp.asarray(codes))) == pytest.approx(best)
    assert widths[0] < best < widths[-1]


@pytest.mark.parametrize("name", DENSE)
def test_a_density_integrates_to_one(name, fitted):
    grid = np.stack(np.meshgrid(np.linspace(-12, 18, 301), np.linspace(-12, 20, 321)), -1).reshape(-1, 2)
    total = np.exp(np.asarray(log_prob_of(EVERY[name], fitted[name], grid), np.float64)).sum() * 0.01
    assert total == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("name", DENSE)
def test_draws_are_of_the_density(name, fitted):
    """Stein: the gradient of the log density has mean zero under the sampler, and with z - m the mean -I."""
    sampler, codes = EVERY[name], draws_of(EVERY[name], fitted[name], 4000)
    slopes = jax.jit(jax.vmap(jax.grad(sampler.log_prob, 1), (None, 0)))(fitted[name], codes)
    gaps = codes - jnp.asarray(CODES.mean(0), jnp.float32)[None]
    products = np.concatenate([slopes, (gaps[:, :, None] * slopes[:, None]).reshape(len(codes), -1)], 1)
    error = products.std(0) / np.sqrt(len(products))
    np.testing.assert_array_less(np.abs(products.mean(0) - [0, 0, -1, 0, 0, -1]), 4.5 * error)


@pytest.mark.parametrize("name", DENSE)
def test_units_of_the_codes_change_the_density_by_their_volume_alone(name, float64):
    """And so a fit is right whatever the scale of the latents."""
    sampler, scale = EVERY[name], np.array([1e-2, 30.0])
    plain, scaled = (fit_to(sampler, codes) for codes in (CODES, CODES * scale + 5))
    at = CODES[::40]
    found = log_prob_of(sampler, scaled, at * scale + 5) + np.log(scale).sum()
    np.testing.assert_allclose(found, log_prob_of(sampler, plain, at), atol=1e-4)


ANGLES = RANDOM.uniform(0, 2 * np.pi, 2000)
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1) + 0.1 * RANDOM.normal(size=(2000, 2))


def test_a_flow_fits_what_a_normal_does_not():
    flow, normal = samplers.flow(SMALL, num_steps=300), samplers.gaussian_mixture(1, num_steps=1)
    found, plain = (log_prob_of(one, fit_to(one, RING[:1500]), RING[1500:]).mean() for one in (flow, normal))
    assert found > plain + 0.5


@pytest.mark.long
def test_a_second_vae_finds_a_bent_line():
    along = RANDOM.normal(size=2000)
    codes = np.stack([along, along**2], 1) + 0.1 * RANDOM.normal(size=(2000, 2))
    near = {}
    for sampler in (samplers.two_stage(vj.nets.mlp(64), num_steps=1500), samplers.gaussian_mixture(1, num_steps=1)):
        draws = np.asarray(draws_of(sampler, fit_to(sampler, codes), 2000))
        near[sampler.name] = (np.abs(draws[:, 1] - draws[:, 0] ** 2) < 0.5).mean()
    assert near["two_stage"] > near["gaussian_mixture"] + 0.2


@pytest.mark.parametrize("temperature", [0.5, 0.8, 1.0, 1.3])
def test_a_temperature_scales_the_variance_of_a_normal(temperature):
    base = samplers.gaussian_mixture(1, num_steps=1)
    params = {"log_weights": jnp.zeros(1), "means": jnp.ones((1, 2)), "roots": jnp.asarray(ROOT, jnp.float32)[None]}
    draws = np.asarray(draws_of(samplers.tempered(base, temperature, num_candidates=128), params, 4000))
    variance = temperature * (ROOT @ ROOT.T)
    np.testing.assert_allclose(draws.mean(0), 1.0, atol=4.5 * np.sqrt(variance.max() / 4000))
    np.testing.assert_allclose(np.cov(draws.T), variance, atol=4.5 * variance.max() * np.sqrt(2 / 4000))


def test_the_codes_themselves_come_back_and_at_most_so_many_are_kept():
    codes = jnp.arange(20.0)[:, None]
    sampler = samplers.empirical(most=7)
    params = sampler.fit(KEY, codes)
    assert len(np.unique(params["codes"])) == 7
    assert set(np.unique(draws_of(sampler, params, 300))) == set(np.unique(params["codes"]))
    kept = samplers.kernel_density(samplers.scott, most=7).fit(KEY, codes)
    assert len(np.unique(kept["white"])) == 7


@pytest.mark.parametrize("name", EVERY)
def test_a_fit_is_mapped_over_an_ensemble(name, fitted):
    codes = jnp.asarray(np.stack([CODES, CODES[::-1] + 1]), jnp.float32)
    keys = jnp.stack([KEY, jax.random.key(1)])
    both = jax.jit(jax.vmap(EVERY[name].fit))(keys, codes)
    first = jax.tree.map(lambda leaf: leaf[0], both)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02), first, fitted[name])
    drawn = jax.vmap(EVERY[name].sample)(keys, both)
    assert drawn.shape == (2, 2)
    assert np.isfinite(drawn).all()


@pytest.mark.parametrize("name", EVERY)
def test_what_was_fitted_is_saved_and_loaded_bit_by_bit(name, fitted, tmp_path):
    store.save(tmp_path / name, fitted[name], note={"sampler": EVERY[name].name})
    like = jax.eval_shape(EVERY[name].fit, KEY, jax.ShapeDtypeStruct(CODES.shape, jnp.float32))
    again = store.load(tmp_path / name, like)
    np.testing.assert_array_equal(*(draws_of(EVERY[name], params, 5) for params in (fitted[name], again)))


@pytest.mark.parametrize("name", EVERY)
def test_a_latent_that_is_one_number_does_no_harm(name):
    """A latent that was given up by a model without noise."""
    codes = jnp.asarray(np.pad(CODES, ((0, 0), (0, 1)), constant_values=2.0), jnp.float32)
    draws = draws_of(EVERY[name], jax.jit(EVERY[name].fit)(KEY, codes), 100)
    np.testing.assert_allclose(draws[:, 2], 2.0, atol=0.1)
    assert np.isfinite(draws).all()
    assert draws[:, 0].std() > 0.3


@pytest.mark.parametrize("name", ["gaussian_mixture", "kernel_density", "flow", "two_stage"])
@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (np.eye(4)[RANDOM.integers(0, 4, 100)], "a number has 2 values alone: latents are discrete"),
        (RANDOM.integers(0, 5, (100, 2)) / 4, "a number has 5 values alone: latents are discrete"),
        (CODES / np.linalg.norm(CODES, axis=1, keepdims=True), "codes lie on a sphere"),
        (np.where(np.arange(100)[:, None] == 7, np.nan, RANDOM.normal(size=(100, 2))), "row 7 is not"),
        (np.ones((1, 2)), "at least 2"),
    ],
)
def test_codes_that_no_density_fits_are_refused(name, codes, said):
    with pytest.raises(DataError, match=f"{name} .*{said}"):
        getattr(samplers, name)(**{"num_components": 1} if name == "gaussian_mixture" else {}).fit(
            KEY, jnp.asarray(codes)
        )


def test_what_cannot_be_is_said():
    with pytest.raises(DataError, match=r"gaussian_mixture needs codes .num, size., at least 10 of them"):
        samplers.gaussian_mixture(10).fit(KEY, jnp.asarray(CODES[:9]))
    with pytest.raises(VaejaxError, match="that of two_stage is not known"):
        samplers.tempered(samplers.two_stage())
    with pytest.raises(VaejaxError, match="temperature must be a number above 0"):
        samplers.tempered(samplers.flow(), 0.0)
    discrete = jnp.asarray(np.eye(4)[[0, 1, 1, 2]])
    assert samplers.empirical().fit(KEY, discrete)["codes"].shape == (4, 4)
