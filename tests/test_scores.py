"""Scores of anomalies against closed forms of a linear model, their streaming, and the false alarms of a threshold."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import vaejax as vj
from vaejax import scores
from vaejax.errors import DataError, VaejaxError
from vaejax.families import no_params

KEY = jax.random.key(0)
NOISE, D = 0.5, 3
W = np.linalg.qr(np.random.default_rng(4).normal(size=(D, 2)))[0] * [2.0, 0.6]  # the posterior factorises
COVARIANCE = W @ W.T + NOISE**2 * np.eye(D)
X = np.random.default_rng(2).normal(size=(40, D)) @ np.linalg.cholesky(COVARIANCE).T
VARIANCE = NOISE**2 / (np.sum(W**2, axis=0) + NOISE**2)  # of the posterior
MEANS = X @ W * VARIANCE / NOISE**2


def linear():
    """p(x) = N(0, W W^T + s^2 I), with a posterior that is `params["encoder"]["away"]` from the exact one."""

    def encoder(shape):
        def apply(params, inputs, key):
            x = inputs[0]
            mean = jnp.asarray(VARIANCE / NOISE**2, x.dtype) * (jnp.asarray(W.T, x.dtype) @ x)
            return jnp.stack([mean + params["away"], 0.5 * jnp.log(jnp.asarray(VARIANCE, x.dtype))])

        return vj.Net(lambda *_: {"away": jnp.zeros(2)}, apply)

    def decoder(shape):
        return vj.Net(no_params, lambda p, inputs, k: (jnp.asarray(W, inputs[1].dtype) @ inputs[1])[None])

    return vj.vae(encoder, decoder, data_shape=(D,), latent_size=2, likelihood=vj.likelihoods.normal(NOISE))


MODEL = linear()


def params_of(away=0.0):
    params = vj.init(KEY, MODEL, jnp.zeros((1, D)))
    return {**params, "encoder": {"away": jnp.full(2, away)}}


def found(score, params, x=X, normal=X, model=MODEL, **options):
    fitted = scores.fit(jax.random.key(1), model, params, score, normal, **options)
    return scores.scored(jax.random.key(2), model, params, score, fitted, x, **options)


def nll(x=X):
    return -scipy.stats.multivariate_normal(np.zeros(D), COVARIANCE).logpdf(x)


RATE = 0.5 * (MEANS**2 + VARIANCE - 1 - np.log(VARIANCE)).sum(1)
ERROR = ((X - MEANS @ W.T) ** 2).sum(1)
SPREAD = np.cov(MEANS.T, bias=True)


def test_at_the_exact_posterior_every_score_is_its_closed_form(float64):
    params = params_of()
    np.testing.assert_allclose(found(scores.log_likelihood(4), params), nll(), atol=1e-9)
    np.testing.assert_allclose(found(scores.rate(), params), RATE, atol=1e-9)
    np.testing.assert_allclose(found(scores.squared_error(), params), ERROR, atol=1e-9)
    np.testing.assert_allclose(found(scores.typicality(4), params), np.abs(nll() - nll().mean()), atol=1e-9)
    np.testing.assert_allclose(found(scores.elbo(2000), params), nll(), atol=0.25)
    np.testing.assert_allclose(found(scores.reconstruction(2000), params), nll() - RATE, atol=0.25)


@pytest.mark.parametrize("ridge", [1e-9, 0.5])
def test_mahalanobis_is_the_distance_under_the_covariance_of_codes(ridge, float64):
    covariance = SPREAD + ridge * np.trace(SPREAD) / 2 * np.eye(2)
    away = MEANS - MEANS.mean(0)
    wanted = np.sqrt(np.einsum("ni,ij,nj->n", away, np.linalg.inv(covariance), away))
    np.testing.assert_allclose(found(scores.mahalanobis(ridge), params_of()), wanted, rtol=1e-6)


def test_regret_is_what_an_encoder_that_is_off_loses_and_nothing_where_it_is_right(float64):
    """KL(q || posterior) of means that are off by 0.5, per latent 0.5^2 / 2 v."""
    score = scores.regret(150, 4000, 16)
    wanted = (0.5**2 / (2 * VARIANCE)).sum()
    np.testing.assert_allclose(found(score, params_of(0.5), X[:4]), wanted, atol=0.1 * wanted)
    np.testing.assert_allclose(found(score, params_of(), X[:4]), 0, atol=0.1)


def stacked(*aways):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(params_of, aways))


def test_an_ensemble_is_mean_and_variance_of_what_its_members_give():
    aways = (0.0, 0.2, -0.5)
    each = np.stack([found(scores.elbo(2), params_of(away)) for away in aways])
    together = functools.partial(found, params=stacked(*aways))
    np.testing.assert_allclose(together(scores.ensemble(scores.elbo(2))), each.mean(0), rtol=1e-4)
    np.testing.assert_allclose(together(scores.disagreement(scores.elbo(2))), each.var(0, ddof=1), rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(together(scores.waic(scores.elbo(2))), each.mean(0) + each.var(0, ddof=1), rtol=1e-3)


def test_members_of_an_ensemble_know_normal_data_each_by_itself():
    one, two = (found(scores.mahalanobis(), params_of(away)) for away in (0.0, 3.0))
    together = found(scores.ensemble(scores.mahalanobis()), stacked(0.0, 3.0))
    np.testing.assert_allclose(together, (one + two) / 2, rtol=1e-4)


def test_an_ensemble_of_one_has_no_variance():
    with pytest.raises(VaejaxError, match=r"nan \(40 such rows\).*two members or more"):
        found(scores.disagreement(scores.rate()), stacked(0.0))


EVERY = {
    "elbo": scores.elbo(4),
    "log_likelihood": scores.log_likelihood(4),
    "rate": scores.rate(),
    "reconstruction": scores.reconstruction(4),
    "squared_error": scores.squared_error(),
    "typicality": scores.typicality(4),
    "regret": scores.regret(3, 4, 2),
    "mahalanobis": scores.mahalanobis(),
}


def test_no_score_is_missing_from_the_table():
    names = {name for name in dir(scores) if isinstance(getattr(scores, name), type(scores.elbo))}
    assert names - {"fit", "scored", "threshold", "p_values", "ensemble", "disagreement", "waic"} == set(EVERY)
    for name, score in EVERY.items():
        assert score.name == name
        assert getattr(scores, name)().name == name  # every argument has a default


@pytest.mark.parametrize("name", EVERY)
def test_scores_are_the_same_again_and_however_many_go_at_once(name):
    score, params = EVERY[name], params_of(0.3)
    whole = found(score, params)
    assert whole.shape == (40,)
    np.testing.assert_array_equal(found(score, params), whole)
    np.testing.assert_allclose(found(score, params, at_once=7), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", EVERY)
def test_what_was_not_observed_counts_for_nothing(name):
    mask = np.random.default_rng(5).random(X.shape) < 0.7
    mask[:, 0] = True
    given = [vj.examples_of(MODEL, np.where(mask, X, hidden), observed=mask) for hidden in (np.nan, 7.0)]
    one, other = (found(EVERY[name], params_of(), x, normal=x) for x in given)
    np.testing.assert_array_equal(one, other)
    assert np.abs(one - found(EVERY[name], params_of())).max() > 0.01


def test_the_same_score_is_compiled_once():
    traced = []

    def of(key, model, params, example):
        traced.append(1)
        return example.x.sum()

    score = EVERY["rate"]._replace(of=lambda key, model, params, fitted, example: of(key, model, params, example))
    for _ in range(3):
        scores.scored(KEY, linear(), params_of(), score, (), X)
    assert len(traced) == 3  # models made anew are others
    for _ in range(3):
        scores.scored(KEY, MODEL, params_of(), score, (), X)
    assert len(traced) == 4


NET = vj.nets.mlp(8)
BITS = (np.random.default_rng(0).random((6, 4)) < 0.5).astype(np.float32)


def points():
    return vj.vae(NET, NET, data_shape=(4,), latent_size=2, posterior=vj.posteriors.point())


def signs():
    binary = {"posterior": vj.posteriors.bernoulli(), "prior": vj.priors.uniform_bernoulli()}
    return vj.vae(NET, NET, data_shape=(4,), latent_size=3, likelihood=vj.likelihoods.bernoulli(), **binary)


def sphere():
    law = {"posterior": vj.posteriors.von_mises_fisher(), "prior": vj.priors.uniform_sphere()}
    return vj.vae(NET, NET, data_shape=(4,), latent_size=3, **law)


def ladder():
    return vj.ladder(NET, NET, NET, data_shape=(4,), latent_sizes=(2, 3))


def masked():
    return vj.vae(NET, NET, data_shape=(4,), latent_size=2, max_latent_size=5)


def applied(score, model):
    params = vj.init(KEY, model, jnp.asarray(BITS))
    return found(score, params, BITS, BITS, model)


@pytest.mark.parametrize("model", [signs, sphere, ladder, masked])
@pytest.mark.parametrize("name", ["elbo", "rate", "mahalanobis", "log_likelihood"])
def test_scores_apply_to_latents_of_every_kind(model, name):
    assert np.isfinite(applied(EVERY[name], model())).all()


def test_regret_applies_to_a_ladder_and_to_a_mask():
    for model in (ladder(), masked()):
        assert np.isfinite(applied(EVERY["regret"], model)).all()


@pytest.mark.parametrize(
    ("name", "model", "said"),
    [
        ("log_likelihood", points, r"of row 0 is inf \(6 such rows\): it needs log q\(z\|x\) that is finite"),
        ("typicality", points, "the score typicality does not apply to this model: it needs log q"),
        ("regret", points, "needs latents that are real numbers"),
        ("regret", signs, "needs latents that are real numbers"),
        ("regret", sphere, "needs latents that are real numbers"),
    ],
)
def test_a_score_that_does_not_apply_says_so(name, model, said):
    with pytest.raises(VaejaxError, match=said):
        applied(EVERY[name], model())


def test_what_is_no_example_is_refused_at_the_door():
    with pytest.raises(DataError, match=r"expected examples of shape \(3,\)"):
        scores.scored(KEY, MODEL, params_of(), EVERY["elbo"], (), np.ones((2, 4)))


def test_a_context_is_looked_at():
    model = vj.vae(NET, NET, data_shape=(4,), latent_size=2)
    given = [vj.examples_of(model, BITS, context=np.full((6, 2), value)) for value in (0.0, 1.0)]
    params = vj.init(KEY, model, jax.tree.map(jnp.asarray, given[1]))
    one, other = (found(EVERY["elbo"], params, x, given[0], model) for x in given)
    assert np.abs(one - other).min() > 1e-4


@pytest.mark.parametrize(("num", "rate"), [(19, 0.05), (99, 0.05), (64, 0.1), (10, 0.3), (200, 0.013)])
def test_a_threshold_gives_as_many_false_alarms_as_it_says(num, rate):
    """Over many sets of normal examples and a new one of each: at most the rate, and no less than 1/(n + 1) below."""
    drawn = np.random.default_rng(0).gamma(0.5, size=(40_000, num + 1)).astype(np.float32)
    at = jax.jit(jax.vmap(lambda normal: scores.threshold(normal, rate)))(drawn[:, :-1])
    alarms = (drawn[:, -1] > np.asarray(at)).mean()
    error = 4 * np.sqrt(rate / 40_000)
    assert rate - 1 / (num + 1) - error < alarms < rate + error


def test_ties_only_lower_the_rate():
    drawn = np.random.default_rng(0).integers(0, 4, size=(20_000, 40)).astype(np.float32)
    at = jax.jit(jax.vmap(lambda normal: scores.threshold(normal, 0.1)))(drawn[:, :-1])
    assert (drawn[:, -1] > np.asarray(at)).mean() < 0.1


def test_p_values_are_those_of_counting_and_agree_with_the_threshold(float64):
    rng = np.random.default_rng(1)
    normal, new = rng.integers(0, 30, 99) * 1.0, rng.integers(-2, 33, 300) * 1.0
    p = np.asarray(scores.p_values(normal, new))
    np.testing.assert_allclose(p, [(1 + (normal >= one).sum()) / 100 for one in new])
    for rate in (0.01, 0.05, 0.2, 0.5):
        np.testing.assert_array_equal(p <= rate + 1e-9, new > float(scores.threshold(normal, rate)))


def test_too_few_normal_examples_promise_nothing():
    with pytest.raises(VaejaxError, match=r"18 normal examples cannot promise a false-alarm rate of 0\.05: it takes"):
        scores.threshold(np.arange(18.0), 0.05)
    with pytest.raises(VaejaxError, match="false_alarm_rate must be a number above 0 and at most 1"):
        scores.threshold(np.arange(18.0), 5)
    with pytest.raises(VaejaxError, match="none NaN"):
        scores.threshold(np.array([np.nan, 1.0]), 0.5)


def test_where_every_alarm_may_be_false_the_threshold_is_the_least():
    assert scores.threshold(jnp.array([3.0, 1.0, 2.0]), 1.0) == 1.0
