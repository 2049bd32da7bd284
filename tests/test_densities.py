"""Densities in float64 against scipy and against sums written out, to 1e-10."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

import vaejax as vj
from vaejax import divergences, numerics

pytestmark = pytest.mark.usefixtures("float64")
RNG = np.random.default_rng(0)
S = np.concatenate([np.linspace(-30, 30, 41), [-0.2501, -0.2499, -1e-3, -1e-9, 1e-9, 1e-3, 0.2499, 0.2501]])


def close(found, expected, rtol=1e-10, atol=1e-10):
    assert np.asarray(found).dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("x", [0, 1])
def test_bernoulli(x):
    logits = np.concatenate([S, [-700.0, -90.0, 90.0, 700.0]])
    expected = scipy.stats.bernoulli.logpmf(x, scipy.special.expit(logits))
    exact = np.abs(logits) < 6  # beyond, scipy's 1 - p has lost its digits
    found = vj.likelihoods.bernoulli().log_prob((), jnp.asarray(logits[None]), jnp.full(logits.shape, float(x)))
    close(found[exact], expected[exact], rtol=1e-9)
    close(found, -np.logaddexp(0, logits * (1 - 2 * x)))


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_binomial(levels):
    n = levels - 1
    k, s = np.meshgrid(np.arange(levels), np.linspace(-12, 12, 9))
    found = vj.likelihoods.binomial(levels).log_prob((), jnp.asarray(s[None]), jnp.asarray(k / n))
    close(found, scipy.stats.binom.logpmf(k, n, scipy.special.expit(s)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_discretized_logistic_is_the_logistic_on_cells_with_both_tails(levels):
    h = 0.5 / (levels - 1)
    grid = np.linspace(0, 1, levels)
    x, mean = np.meshgrid(grid, [-0.3, 0.2, 0.5, 1.4])
    log_scale = np.array([0.3, -1.0, -2.0, -3.0])[:, None] + 0 * x
    law = scipy.stats.logistic(mean, np.exp(log_scale))
    upper = np.where(x == 1, np.inf, x + h)
    lower = np.where(x == 0, -np.inf, x - h)
    left = lower < mean  # take each difference in the tail where it does not cancel
    mass = np.where(left, law.cdf(upper) - law.cdf(lower), law.sf(lower) - law.sf(upper))
    found = vj.likelihoods.discretized_logistic(levels).log_prob((), jnp.asarray([mean, log_scale]), jnp.asarray(x))
    good = mass > 1e-5
    close(np.exp(found)[good], mass[good], rtol=1e-9)
    close(np.exp(found), mass, atol=1e-12)


@pytest.mark.parametrize(
    ("family", "params", "scale"),
    [
        (vj.likelihoods.normal(0.4), (), 0.4),
        (vj.likelihoods.learned_normal(), {"log_scale": np.log(0.7)}, 0.7),
        (vj.likelihoods.optimal_normal(), {"variance": 0.09}, 0.3),
        (vj.likelihoods.optimal_normal(), {"variance": 1e-9}, 1e-3),  # held at its floor
    ],
)
def test_normal_likelihoods(family, params, scale):
    x, mean = RNG.normal(size=(2, 3, 4))
    params = jax.tree.map(jnp.asarray, params)
    if family.name == "normal":
        family = vj.likelihoods.normal(jnp.asarray(scale))  # made in float64
    close(family.log_prob(params, jnp.asarray(mean[None]), jnp.asarray(x)), scipy.stats.norm.logpdf(x, mean, scale))


@pytest.mark.parametrize("scale", [0.02, 0.4, 30.0])
def test_laplace(scale):
    x, mean = RNG.normal(size=(2, 3, 4))
    expected = scipy.stats.laplace.logpdf(x, mean, scale)
    fixed, learned = vj.likelihoods.laplace(jnp.asarray(scale)), vj.likelihoods.learned_laplace()
    close(fixed.log_prob((), jnp.asarray(mean[None]), jnp.asarray(x)), expected)
    params = {"log_scale": jnp.log(jnp.asarray(scale))}
    close(learned.log_prob(params, jnp.asarray(mean[None]), jnp.asarray(x)), expected)


@pytest.mark.parametrize("degrees", [0.3, 1.0, 2.0, 5.0, 15.9, 16.1, 400.0, 1e9])
def test_student_t(degrees):
    x, mean = RNG.normal(size=(2, 9)), np.zeros(9)
    x[0] = [0, 1e-9, -3, 50, -1e3, 3e3, 4e4, -1e9, 1e100]
    params = {"log_scale": jnp.log(0.3)}

    def log_prob(degrees):
        family = vj.likelihoods.student_t(degrees)
        return jax.vmap(lambda x: family.log_prob(params, jnp.asarray(mean[None]), x))(jnp.asarray(x))

    expected = scipy.stats.t.logpdf(x, degrees, mean, 0.3)
    if degrees == 1e9:  # scipy's log Gammas cancel; it is the normal
        expected = scipy.stats.norm.logpdf(x, mean, 0.3)
        close(log_prob(degrees)[:, :3], expected[:, :3], rtol=1e-7)
    else:
        close(log_prob(degrees), expected, rtol=2e-8)  # of log(1 + q^2) far away; below, where it is near
        close(log_prob(degrees)[:, :5], expected[:, :5])
    close(jax.jit(log_prob)(degrees), log_prob(degrees), rtol=1e-12)  # degrees may be traced


@pytest.mark.parametrize("levels", [2, 5, 256])
def test_categorical(levels):
    logits, index = 3 * RNG.normal(size=(levels, 4, 3)), RNG.integers(levels, size=(4, 3))
    family = vj.likelihoods.categorical(levels)
    expected = np.take_along_axis(scipy.special.log_softmax(logits, axis=0), index[None], 0)[0]
    close(family.log_prob((), jnp.asarray(logits), jnp.asarray(index / (levels - 1))), expected)
    weights = scipy.special.softmax(logits, axis=0)
    close(family.mean((), jnp.asarray(logits)), np.einsum("k,kij->ij", np.linspace(0, 1, levels), weights))


@pytest.mark.parametrize(("levels", "num"), [(2, 3), (17, 1), (256, 5)])
def test_logistic_mixture_is_a_weighted_sum_of_logistics_on_cells(levels, num):
    h, grid = 0.5 / (levels - 1), np.linspace(0, 1, levels)
    logits, means, log_scales = RNG.normal(size=(3, num, 1)) * np.array([1.0, 0.4, 0.5])[:, None, None]
    log_scales -= 2.0
    stats = jnp.asarray(np.concatenate([logits, means, log_scales]) + np.zeros(levels))
    law = scipy.stats.logistic(means, np.exp(log_scales))
    cells = law.cdf(np.where(grid == 1, np.inf, grid + h)) - law.cdf(np.where(grid == 0, -np.inf, grid - h))
    mass = np.sum(scipy.special.softmax(logits, axis=0) * cells, axis=0)
    family = vj.likelihoods.logistic_mixture(levels, num)
    close(np.exp(family.log_prob((), stats, jnp.asarray(grid))), mass, rtol=1e-9)
    if num == 1:
        one = vj.likelihoods.discretized_logistic(levels)
        close(family.log_prob((), stats, jnp.asarray(grid)), one.log_prob((), stats[1:], jnp.asarray(grid)))


COUNTS = np.array([0, 1, 2, 3, 9, 10, 57, 1000, 12345, 1_000_000.0])


def test_poisson():
    log_mean, x = np.meshgrid([-19.0, -3.0, 0.0, 1.1, 2.25, 4.0, 6.9, 9.4, 13.8], COUNTS)
    found = vj.likelihoods.poisson().log_prob((), jnp.asarray(log_mean[None]), jnp.asarray(x))
    close(found, scipy.stats.poisson.logpmf(x, np.exp(log_mean)), rtol=1e-9, atol=1e-8)


def negative_binomial(x, log_mean, log_dispersion):
    family, shape = vj.likelihoods.negative_binomial(), np.broadcast_shapes(np.shape(x), np.shape(log_mean))
    log_mean, x, log_r = (jnp.broadcast_to(a, shape).astype(float) for a in (log_mean, x, log_dispersion))
    return family.log_prob({"log_dispersion": log_r}, log_mean[None], x)


def test_negative_binomial():
    log_mean, log_r, x = np.meshgrid([-9.0, -1.0, 0.0, 3.9, 6.9, 13.0], [-4.0, -1.0, 0.0, 1.0, 2.2, 5.0], COUNTS)
    r, mean = np.exp(log_r), np.exp(log_mean)
    expected = scipy.stats.nbinom.logpmf(x, r, scipy.special.expit(log_r - log_mean))
    close(negative_binomial(x, log_mean, log_r), expected, rtol=1e-8, atol=1e-8)
    x = np.arange(100_000.0)
    p = np.exp(negative_binomial(x, np.log(40.0), np.log(0.7)))
    close(np.sum(p * (x - 40) ** 2), 40 + 40**2 / 0.7, rtol=1e-9)
    assert mean.max() > 4e5 > 1 / r.min()


def test_negative_binomial_tends_to_poisson():
    """The difference of the log masses is ((x - m)^2 - x) / (2 r) and smaller terms."""
    log_mean, x = np.meshgrid(np.log([0.3, 50.0, 900.0]), [0.0, 1.0, 60.0, 1000.0])
    poisson = vj.likelihoods.poisson().log_prob((), jnp.asarray(log_mean[None]), jnp.asarray(x))
    found = negative_binomial(x, log_mean, np.log(1e8)) - poisson
    close(found, ((x - np.exp(log_mean)) ** 2 - x) / 2e8, rtol=1e-4, atol=1e-9)
    assert np.abs(found).max() > 1e-3


def test_counts_keep_their_digits_in_float32():
    """At a million, and at dispersions where a difference of log Gammas in float32 is off by whole nats."""
    cases = np.float32(list(itertools.product([10, 1000, 999_000, 1e6], [2.3, 6.9, 13.8], [-12.0, -3.0, 0.0, 5.0])))
    x, log_mean, log_r = cases.T
    r, mean = np.exp(log_r.astype(float)), np.exp(log_mean.astype(float))
    with jax.enable_x64(False):
        found = negative_binomial(x, log_mean, log_r)
        near = vj.likelihoods.poisson().log_prob((), jnp.full((1, 2), np.float32(13.8)), jnp.float32([990e3, 985e3]))
    assert found.dtype == np.float32
    expected = scipy.stats.nbinom.logpmf(x.astype(float), r, r / (r + mean))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)
    expected = scipy.stats.poisson.logpmf([990e3, 985e3], np.exp(float(np.float32(13.8))))
    np.testing.assert_allclose(near, expected, rtol=1e-3)  # the mean itself is rounded


def test_counts_are_finite_at_every_dispersion_in_float32():
    ends = [-3e38, -90.0, -15.0, 0.0, 5.0, 20.0, 90.0, 3e38]
    cases = jnp.asarray(list(itertools.product([0.0, 1.0, 1e6, 1e9], ends, ends)), jnp.float32)
    with jax.enable_x64(False):
        found = jax.vmap(jax.value_and_grad(negative_binomial, (1, 2)))(*cases.T)
        keys = jax.random.split(jax.random.key(0), len(cases))
        family = vj.likelihoods.negative_binomial()
        drawn = jax.vmap(lambda key, s, r: family.sample(key, {"log_dispersion": r}, s[None, None])[0])
        leaves = [*jax.tree.leaves(found), drawn(keys, cases[:, 1], cases[:, 2:])]
    assert all(leaf.dtype == np.float32 and bool(jnp.isfinite(leaf).all()) for leaf in leaves)
    assert bool((leaves[-1] >= 0).all())


def test_zero_inflation_adds_zeros_alone():
    log_mean, logit, x = np.meshgrid([-1.0, 3.0], [-40.0, -1.0, 0.5, 40.0], [0.0, 1.0, 20.0])
    family = vj.likelihoods.zero_inflated_negative_binomial()
    params, stats = {"log_dispersion": jnp.full(x.shape, 0.4)}, jnp.asarray([log_mean, logit])
    zero = scipy.special.expit(logit)
    counted = scipy.stats.nbinom.pmf(x, np.exp(0.4), scipy.special.expit(0.4 - log_mean))
    close(
        family.log_prob(params, stats, jnp.asarray(x)), np.log(zero * (x == 0) + scipy.special.expit(-logit) * counted)
    )
    close(family.mean(params, stats), scipy.special.expit(-logit) * np.exp(log_mean))


def test_normal_posterior():
    z, mean, log_scale = RNG.normal(size=(3, 5))
    found = vj.posteriors.normal().log_prob((), jnp.asarray([mean, log_scale]), jnp.asarray(z))
    close(found, scipy.stats.norm.logpdf(z, mean, np.exp(log_scale)))


def test_mixture_is_the_log_of_a_weighted_sum_and_its_mask_drops_latents():
    means, log_scales = RNG.normal(size=(2, 3, 4))
    logits, z = RNG.normal(size=4), RNG.normal(size=3)
    params = jax.tree.map(jnp.asarray, {"mean": means, "log_scale": log_scales, "logits": logits})
    weights = np.exp(logits) / np.exp(logits).sum()

    def expected(num):
        parts = [
            w * scipy.stats.multivariate_normal(m[:num], np.diag(np.exp(2 * s[:num]))).pdf(z[:num])
            for w, m, s in zip(weights, means.T, log_scales.T, strict=True)
        ]
        return [np.log(sum(parts))]

    prior = vj.priors.mixture(4)
    close(prior.log_prob(params, jnp.zeros((0, 3)), jnp.asarray(z)), expected(3))
    masked = prior.masked(jnp.array([1.0, 1.0, 0.0]))
    close(masked.log_prob(params, jnp.zeros((0, 3)), jnp.asarray(z)), expected(2))
    twice = masked.masked(jnp.array([1.0, 0.0, 1.0]))
    close(twice.log_prob(params, jnp.zeros((0, 3)), jnp.asarray(z)), expected(1))


@pytest.mark.parametrize("mean", [0.0, -1.3, 4.0])
@pytest.mark.parametrize("log_scale", [0.0, -3.0, 0.8])
def test_kl_of_a_normal_to_the_standard_normal(mean, log_scale):
    q, p = scipy.stats.norm(mean, np.exp(log_scale)), scipy.stats.norm()
    width = 12 * np.exp(log_scale)
    integral, _ = scipy.integrate.quad(
        lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), mean - width, mean + width, epsabs=1e-12, limit=200
    )
    stats = jnp.asarray([[mean], [log_scale]])
    found = divergences.normal_to_standard_normal((), stats, (), jnp.zeros((0, 1)), jnp.ones(1))
    close(found, [integral], atol=1e-9)
    close(found, [(np.exp(2 * log_scale) + mean**2 - 1 - 2 * log_scale) / 2])


def test_closed_form_is_taken_where_one_is_known_and_only_there():
    known = divergences.closed_form(vj.posteriors.normal(), vj.priors.standard_normal())
    assert known is divergences.normal_to_standard_normal
    assert divergences.closed_form(vj.posteriors.normal(), vj.priors.mixture()) is None


def test_continuous_bernoulli_and_its_mean():
    """Against the integral of exp(s x) over [0, 1], by 40 Gauss-Legendre nodes on each of 20 pieces."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = ((nodes[:, None] + 1) / 2 + np.arange(20)).ravel() / 20
    weights = np.repeat(weights, 20) / 40
    unnormalised = np.exp(S[:, None] * x - np.maximum(S, 0)[:, None])
    total = unnormalised @ weights
    found = vj.likelihoods.continuous_bernoulli()
    for at in (0.0, 0.3, 1.0):
        log_prob = found.log_prob((), jnp.asarray(S[None]), jnp.full(S.shape, at))
        close(log_prob, S * at - np.maximum(S, 0) - np.log(total))
    close(found.mean((), jnp.asarray(S[None])), (unnormalised @ (weights * x)) / total)


def test_optimal_normal_lands_on_the_mean_squared_error_in_one_step():
    """The batch's, example weights and unobserved entries included, under `by_name` with `sgd(1.0)`."""
    model = vj.vae(
        vj.nets.mlp(),
        vj.nets.mlp(3),
        data_shape=(4,),
        latent_size=2,
        likelihood=vj.likelihoods.optimal_normal(),
    )
    batch = vj.Example(jnp.asarray(RNG.normal(size=(5, 4))), weight=jnp.array([1.0, 1.0, 0.0, 2.0, 1.0]))
    trainer = vj.trainer(model, vj.objectives.elbo(3.0), vj.by_name(optax.sgd(0.0), likelihood=optax.sgd(1.0)))
    state = trainer.init(jax.random.key(0), batch)
    after, bound = jax.jit(trainer.step)(jax.random.key(1), state, batch)

    size = batch.x[0].size
    v = 0.09
    error = (2 * v * (bound.distortion - size / 2 * np.log(2 * np.pi * v))) / size  # read back from the bound
    close(after.params["likelihood"]["variance"], error)
    assert abs(float(error) - v) > 0.1
    hidden, shown = jnp.array([[1, 1, 0, 0]]), jnp.array([[1.0, 2.0, 9.0, 9.0]])
    likelihood = model.likelihood

    def seen(params):
        parts = likelihood.log_prob(params, jnp.zeros((1, 4)), shown[0])
        return jnp.sum(jnp.where(hidden[0], parts, 0.0))

    there = jax.grad(seen)({"variance": jnp.asarray(2.5)})  # the mean of 1 and 4: nothing pulls any more
    close(there["variance"], 0.0)


def test_average_leaves_out_what_weighs_nothing():
    values = jnp.asarray(RNG.normal(size=(4, 2)))
    weight = np.array([1.0, 0.0, 2.0, 1.0])
    close(numerics.average(values, jnp.asarray(weight)), np.average(values, axis=0, weights=weight))
    close(numerics.average(values, None), np.mean(values, axis=0))


def test_logmeanexp_does_not_overflow():
    a = jnp.array([[1000.0, -1000.0], [1000.0 + np.log(3), -1000.0]])
    close(numerics.logmeanexp(a), [1000 + np.log(2), -1000])


def test_with_gradient_of_keeps_every_bit_of_the_value():
    """In float32, beside a surrogate of another size, where a difference that is added again would be rounded."""
    value = jnp.float32(1 / 3)
    assert numerics.with_gradient_of(value, jnp.float32(1e6)) == value


def test_with_gradient_of_has_the_value_of_one_and_the_slope_of_the_other():
    value, slope = jax.value_and_grad(lambda x: numerics.with_gradient_of(x**2, 5 * x))(3.0)
    assert (value, slope) == (9.0, 5.0)
