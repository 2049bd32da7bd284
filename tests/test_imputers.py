"""Imputation where p(x_mis|x_obs) is known: a linear-Gaussian model, whose conditionals are normal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaejax as vj
from vaejax.errors import VaejaxError
from vaejax.families import no_params
from vaejax.imputers import Imputer, Latents
from vaejax.imputers._chain_ess import chain_ess

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
NOISE, NUM, SIZE = 0.5, 300, 5
W = np.linalg.qr(RNG.normal(size=(SIZE, 2)))[0] * [2.0, 0.8]  # the posterior given all of x factorises
VARIANCE = NOISE**2 / (np.sum(W**2, axis=0) + NOISE**2)
SHIFTS = 0.5 * RNG.normal(size=(NUM, SIZE))  # the context: the mean of each row
X = RNG.normal(size=(NUM, 2)) @ W.T + NOISE * RNG.normal(size=(NUM, SIZE)) + SHIFTS
SEEN = RNG.random((NUM, SIZE)) < 0.6
SEEN[np.arange(NUM), RNG.integers(0, SIZE, NUM)] = True
ROWS = np.flatnonzero(~SEEN.all(1))  # those of which something is missing
SHORT = {"num_steps": 100, "num_warmup": 40}


def linear(away=0.0, spread=1.0, likelihood=None):
    """p(x) = N(context, W W^T + s^2 I), with its exact posterior, or one whose means or scales are off."""

    def encoder(shape):
        def apply(params, inputs, key):
            gain, log_scale = (VARIANCE / NOISE**2)[:, None] * W.T, np.log(spread * np.sqrt(VARIANCE))
            mean = jnp.asarray(gain, float) @ (inputs[0] - inputs[1]) + away
            return jnp.stack([mean, jnp.asarray(log_scale, float)])

        return vj.Net(no_params, apply)

    def decoder(shape):
        return vj.Net(no_params, lambda p, inputs, k: (inputs[0] + jnp.asarray(W, float) @ inputs[1])[None])

    likelihood = likelihood or vj.likelihoods.normal(NOISE)
    return vj.vae(encoder, decoder, data_shape=(SIZE,), latent_size=2, likelihood=likelihood)


def truth():
    """Mean and covariance of each row given what was seen of it, zero where it was."""
    covariance, means, covariances = W @ W.T + NOISE**2 * np.eye(SIZE), np.array(X), np.zeros((NUM, SIZE, SIZE))
    for row in range(NUM):
        o, m = np.flatnonzero(SEEN[row]), np.flatnonzero(~SEEN[row])
        gain = covariance[np.ix_(m, o)] @ np.linalg.inv(covariance[np.ix_(o, o)])
        means[row, m] = SHIFTS[row, m] + gain @ (X[row, o] - SHIFTS[row, o])
        covariances[row][np.ix_(m, m)] = covariance[np.ix_(m, m)] - gain @ covariance[np.ix_(o, m)]
    return means, covariances


MEANS, COVARIANCES = truth()
SCALES = np.sqrt(np.einsum("nii->ni", COVARIANCES))


def examples(model, x=X):
    return vj.examples_of(model, np.where(SEEN, x, np.nan), observed=SEEN, context=SHIFTS)


def imputed(model, imputer, *rows):
    """Of each of several sets of rows, `X` by default, and completions of them by the same latents."""

    def of_one(key, params, example):
        found = vj.imputers.impute(key, model, params, example, imputer)
        return found, vj.imputers.completions(key, model, params, example, imputer, 50)

    params = vj.init(KEY, model, vj.Example(jnp.asarray(X), jnp.asarray(SHIFTS)))
    return [vj.each_example(of_one, KEY, params, some, at_once=NUM) for some in rows or (examples(model),)]


def bias(mean):
    """The mean distance from the truth along the first latent, in standard deviations of x_mis, and its error."""
    away = ((mean - MEANS) @ W[:, 0] / np.sqrt(np.einsum("i,nij,j->n", W[:, 0], COVARIANCES, W[:, 0]) + 1e-30))[ROWS]
    return away.mean(), away.std() / np.sqrt(len(ROWS))


CASES = {
    "pseudo_gibbs with the exact posterior": ({}, vj.imputers.pseudo_gibbs(**SHORT)),
    "metropolis with one that is off": ({"away": 0.3, "spread": 1.3}, vj.imputers.metropolis_within_gibbs(**SHORT)),
    "importance with a wide one": ({"spread": 4.0}, vj.imputers.importance_resampling(1000)),
    "annealed with one that is nowhere near": ({"away": 9.0, "spread": 0.1}, vj.imputers.annealed(40, 60, 4)),
}


@pytest.mark.parametrize("case", CASES)
def test_mean_variance_and_intervals_are_those_of_the_exact_conditional(case, float64):
    """To the error that the ess claims; nine intervals of ten hold the value that was hidden."""
    off, imputer = CASES[case]
    ((found, drawn),) = imputed(linear(**off), imputer)
    of_mean = np.sqrt(np.maximum(SCALES**2 - NOISE**2, 0.0) / found.ess[:, None])  # of E[x|z] over so many z
    scores = ((found.mean - MEANS)[~SEEN]) / of_mean[~SEEN]
    assert 0.7 < np.sqrt(np.mean(scores**2)) < 1.3
    at, error = bias(found.mean)
    assert abs(at) < 4.5 * error
    spread = np.mean(np.square(drawn - MEANS[:, None]), axis=1)[~SEEN] / SCALES[~SEEN] ** 2
    assert spread.mean() == pytest.approx(1.0, abs=0.04)
    inside = ((found.low <= X) & (found.high >= X))[~SEEN]
    assert inside.mean() == pytest.approx(0.9, abs=0.03)
    assert ((found.high - found.low)[~SEEN] / SCALES[~SEEN]).mean() == pytest.approx(2 * 1.645, rel=0.03)


def test_pseudo_gibbs_keeps_what_is_wrong_with_q(float64):
    """By the q with which Metropolis, above, is exact."""
    ((found, drawn),) = imputed(linear(away=0.3, spread=1.3), vj.imputers.pseudo_gibbs(**SHORT))
    at, error = bias(found.mean)
    assert at > 10 * error
    spread = np.mean(np.square(drawn - drawn.mean(1, keepdims=True)), axis=1)[~SEEN] / SCALES[~SEEN] ** 2
    assert spread.mean() > 1.1


def test_at_the_exact_posterior_metropolis_refuses_nothing(float64):
    model, example = linear(), jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), examples(linear()))
    params = vj.init(KEY, model, vj.Example(jnp.asarray(X), jnp.asarray(SHIFTS)))
    one, other = (
        made(**SHORT).latents(KEY, model, params, example).z
        for made in (vj.imputers.pseudo_gibbs, vj.imputers.metropolis_within_gibbs)
    )
    np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def found_all():
    """Of the three imputers, in a few draws: all rows, rows whose hidden values are others, and rows seen whole."""
    model = linear()
    shifts, few = SHIFTS.astype(np.float32), {"num_steps": 10, "num_warmup": 4, "num_chains": 2}
    makers = vj.imputers.pseudo_gibbs(**few), vj.imputers.metropolis_within_gibbs(**few)
    x = X.astype(np.float32)
    rows = (
        vj.examples_of(model, np.where(SEEN, x, np.nan), observed=SEEN, context=shifts),
        vj.examples_of(model, np.where(SEEN, x, 7.0), observed=SEEN.astype(int), context=shifts),
        vj.examples_of(model, x, observed=np.ones_like(SEEN), context=shifts),
    )
    made = {imputer.name: imputer for imputer in (*makers, vj.imputers.importance_resampling(20))}
    return {name: imputed(model, imputer, *rows) for name, imputer in made.items()}


@pytest.mark.parametrize("name", ["pseudo_gibbs", "metropolis_within_gibbs", "importance_resampling"])
def test_what_was_seen_stays_and_what_was_not_does_not_matter(found_all, name):
    (found, drawn), (again, drawn_again), (whole, drawn_whole) = found_all[name]
    x = X.astype(np.float32)
    for leaf in (found.mean, found.low, found.high):
        np.testing.assert_array_equal(leaf[SEEN], x[SEEN])
        assert np.isfinite(leaf).all()
    np.testing.assert_array_equal(np.where(SEEN[:, None], drawn, 0), np.where(SEEN, x, 0)[:, None].repeat(50, 1))
    assert (found.low < found.high)[~SEEN].all()
    jax.tree.map(np.testing.assert_array_equal, (found, drawn), (again, drawn_again))
    for leaf in (whole.mean, whole.low, whole.high, drawn_whole[:, 3]):
        np.testing.assert_array_equal(leaf, x)


def test_where_no_mask_is_given_everything_was_seen():
    model = MODELS["masked"]()
    params, x = vj.init(KEY, model, jnp.zeros((1, 4))), jnp.array([0.0, 1.0, 1.0, 0.0])
    found = jax.jit(lambda: vj.imputers.impute(KEY, model, params, vj.Example(x), IMPUTERS[0]))()
    jax.tree.map(lambda leaf: np.testing.assert_array_equal(leaf, x), found[:3])


def made_of(z, log_weights):
    """An imputer of one's own: these draws."""
    return Imputer("made", lambda *_: Latents(jnp.asarray(z), jnp.asarray(log_weights), jnp.array(1.0)))


def of_weights(log_weights, num=20, function=vj.imputers.completions):
    """A model whose x is z and hardly any noise, of which nothing was seen: draws tell which z they come from."""
    one = lambda shape: vj.Net(no_params, lambda p, inputs, k: jnp.broadcast_to(inputs[1], shape))  # noqa: E731
    model = vj.vae(vj.nets.mlp(), one, data_shape=(1,), latent_size=1, likelihood=vj.likelihoods.normal(1e-4))
    params = vj.init(KEY, model, jnp.zeros((1, 1)))
    z = jnp.arange(float(len(log_weights)))[:, None]
    example = vj.Example(jnp.zeros(1), observed=jnp.zeros(1, bool))
    return function(KEY, model, params, example, made_of(z, log_weights), num=num)


def test_draws_count_as_their_weights_say():
    weights = np.array([0.5, 0.26, 0.14, 0.1, 0.0])
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights).astype(np.float32) + 300  # an overflow, were they not normalised first
    counts = np.bincount(np.round(of_weights(log_weights)[:, 0]).astype(int), minlength=5)
    assert (np.abs(counts - 20 * weights) < 1).all()
    mean = of_weights(log_weights, 199, vj.imputers.impute).mean
    assert mean.item() == pytest.approx(weights @ np.arange(5), abs=1e-5)


def test_draws_without_any_weight_count_alike():
    assert of_weights(np.full(4, -np.inf, np.float32), 199, vj.imputers.impute).mean.item() == pytest.approx(1.5)


def test_intervals_are_order_statistics_that_hold_a_truth_of_the_same_law():
    """Of z = 0, ..., 198 once each, 10 of 200 gaps lie below the lower end and 10 above the upper."""
    found = of_weights(np.zeros(199, np.float32), 199, vj.imputers.impute)
    assert (found.low.round().item(), found.high.round().item()) == (9.0, 189.0)
    with pytest.raises(VaejaxError, match=r"18 completions give intervals of at most 0.8947, got coverage=0.9"):
        of_weights(np.zeros(9, np.float32), 18, vj.imputers.impute)


@pytest.mark.parametrize("a", [0.0, 0.8])
def test_the_ess_of_chains_is_that_of_an_autoregression(a):
    noise = RNG.normal(size=(4, 4000, 3))
    x = np.zeros_like(noise)
    for t in range(1, 4000):
        x[:, t] = a * x[:, t - 1] + np.sqrt(1 - a**2) * noise[:, t]
    assert chain_ess(jnp.asarray(x[:, 1000:])) / 12_000 == pytest.approx((1 - a) / (1 + a), rel=0.15)
    apart = x[:, 1000:] + 5 * np.arange(4)[:, None, None]
    assert chain_ess(jnp.asarray(apart)) < 10
    unused = np.concatenate([x[:, 1000:], np.zeros((4, 3000, 1))], axis=2)  # a latent out of use says nothing
    np.testing.assert_allclose(chain_ess(jnp.asarray(unused)), chain_ess(jnp.asarray(x[:, 1000:])))


NETS = vj.nets.mlp(4), vj.nets.mlp(4)
SHAPE = {"data_shape": (4,), "likelihood": vj.likelihoods.bernoulli()}
MODELS = {
    "ladder": lambda: vj.ladder(*NETS, vj.nets.mlp(4), latent_sizes=(1, 2), **SHAPE),
    "masked": lambda: vj.vae(*NETS, latent_size=1, max_latent_size=3, **SHAPE),
    "categorical": lambda: vj.vae(
        *NETS, latent_size=2, posterior=vj.posteriors.categorical(3), prior=vj.priors.uniform_categorical(3), **SHAPE
    ),
    "sphere": lambda: vj.vae(
        *NETS, latent_size=3, posterior=vj.posteriors.von_mises_fisher(), prior=vj.priors.uniform_sphere(), **SHAPE
    ),
    "labelled": lambda: vj.variants.labelled(vj.vae(*NETS, latent_size=2, **SHAPE), vj.nets.mlp(4), 2),
    "codebook": lambda: vj.variants.vector_quantised(
        vj.vae(*NETS, latent_size=3, posterior=vj.posteriors.point((2,)), **SHAPE), num_codes=8
    ),
    "point": lambda: vj.vae(*NETS, latent_size=3, posterior=vj.posteriors.point(), **SHAPE),
}
ONE_POINT, EXAMPLE = {"codebook", "point"}, vj.Example(jnp.ones(4), observed=jnp.array([True, False, False, True]))
IMPUTERS = (
    vj.imputers.importance_resampling(40),
    vj.imputers.pseudo_gibbs(20, 4, 2),
    vj.imputers.metropolis_within_gibbs(20, 4, 2),
)


@pytest.mark.parametrize("name", MODELS)
def test_models_of_every_kind_are_imputed_or_say_what_to_use(name):
    model = MODELS[name]()
    params = vj.init(KEY, model, vj.Example(jnp.asarray(np.random.default_rng(0).integers(0, 2, (16, 4)), float)))
    all_of_it = lambda imputer: jax.jit(  # noqa: E731
        lambda: vj.imputers.impute(KEY, model, params, EXAMPLE, imputer)
    )()
    for imputer in IMPUTERS:
        found = all_of_it(imputer)
        assert np.isfinite(found.mean).all()
        assert ((found.mean > 0) & (found.mean <= 1)).all()
        assert set(np.ravel([found.low, found.high])) <= {0.0, 1.0}
        if name not in ONE_POINT:
            assert found.ess > 1
        elif imputer.name != "pseudo_gibbs":
            assert found.ess < 2


@pytest.mark.parametrize("make", [vj.imputers.pseudo_gibbs, vj.imputers.metropolis_within_gibbs])
def test_a_chain_never_goes_where_a_latent_is_not_finite(make):
    """As where a completion grew until the encoder made nothing of it: the chain stays, and its ess says so."""
    model = MODELS["masked"]()
    params = vj.init(KEY, model, jnp.zeros((1, 4)))

    def runs_away(key, params, example):
        draw = model.sample(key, params, example)
        return draw._replace(z=jnp.where(example.x[1] > 0, jnp.nan, draw.z))

    found = jax.jit(lambda: make(50, 4, 2).latents(KEY, model._replace(sample=runs_away), params, EXAMPLE))()
    assert np.isfinite(found.z).all()
    assert np.isfinite(found.ess)


def test_a_posterior_that_scores_only_its_own_draws_is_refused_by_metropolis_alone():
    def unknown(*_):
        raise VaejaxError("it is known along a sample only")

    model = MODELS["masked"]()._replace(log_posterior=unknown)
    params = vj.init(KEY, model, jnp.zeros((1, 4)))
    for imputer in IMPUTERS[:2]:
        jax.eval_shape(lambda imputer=imputer: imputer.latents(KEY, model, params, EXAMPLE))
    with pytest.raises(VaejaxError, match=r"needs log q\(z\|x\) at a given z.*use importance_resampling"):
        IMPUTERS[2].latents(KEY, model, params, EXAMPLE)


def test_a_likelihood_of_which_no_entry_can_be_left_out_is_refused():
    whole = vj.likelihoods.normal(1.0)
    model = linear(likelihood=whole._replace(log_prob=lambda *given: whole.log_prob(*given).sum()[None]))
    example = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), examples(model))
    params = vj.init(KEY, model, vj.Example(jnp.asarray(X), jnp.asarray(SHIFTS)))
    for imputer in IMPUTERS:
        with pytest.raises(VaejaxError, match="one part per entry"):
            imputer.latents(KEY, model, params, example)


def test_an_ensemble_is_mapped_over_its_parameters():
    model = MODELS["masked"]()
    params = [vj.init(jax.random.key(seed), model, jnp.zeros((1, 4))) for seed in range(2)]
    of = jax.jit(lambda params: vj.imputers.impute(KEY, model, params, EXAMPLE, IMPUTERS[1]).mean)
    together = jax.vmap(of)(jax.tree.map(lambda *leaves: jnp.stack(leaves), *params))
    np.testing.assert_allclose(together, [of(one) for one in params], rtol=1e-5)


@pytest.mark.parametrize("make", ["pseudo_gibbs", "metropolis_within_gibbs"])
def test_a_chain_too_short_for_an_autocorrelation_is_refused(make):
    with pytest.raises(VaejaxError, match="num_steps must be at least 4"):
        getattr(vj.imputers, make)(num_steps=3)
