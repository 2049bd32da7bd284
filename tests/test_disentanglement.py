"""Disentanglement of codes that equal the factors, mix them, hold them twice, or know nothing of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import sklearn.ensemble
import sklearn.linear_model
import sklearn.metrics

from vaejax import metrics
from vaejax.errors import VaejaxError

pytestmark = pytest.mark.usefixtures("float64")
KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
SIZES = (3, 4, 5)
FACTORS = np.stack(np.meshgrid(*map(np.arange, SIZES), indexing="ij"), -1).reshape(-1, 3).repeat(10, axis=0)
NOISY = FACTORS[:, [0, 1, 2, 0]] * [1.0, 0.5, 0.1, 1] + RNG.normal(size=(600, 4)) * [0.1, 0.3, 0.2, 2]
ROTATION = np.array([[2.0, -2, 1], [1, 2, 2], [2, 1, -2]]) / 3
CODES = {
    "equal": FACTORS * [1.0, -2.0, 0.5] + [0, 7, -1],
    "rotated": ((FACTORS - FACTORS.mean(0)) / FACTORS.std(0)) @ ROTATION.T,
    "twice": np.concatenate([FACTORS, -FACTORS], axis=1).astype(float),
    "noise": RNG.normal(size=(600, 3)),
    "constant": np.full((600, 3), 0.1),
}


def jitted(metric, **settings):
    return jax.jit(functools.partial(metric, num_values=5, **settings))


@functools.cache
def found(metric, name):
    with jax.enable_x64(True):
        codes = jnp.asarray(CODES[name])
        if metric is metrics.sap:
            return float(metric(codes, jnp.asarray(FACTORS)).score)
        value = jitted(metric)(codes, jnp.asarray(FACTORS))
        return float(value if metric is metrics.modularity else value.score)


# the information of a latent on a factor


@pytest.mark.parametrize("num_bins", [5, 20])
def test_information_is_that_of_scikit_learn_on_the_bins_of_numpy(num_bins):
    on_edges = np.append(FACTORS[:-1, 2] * 4 + RNG.integers(0, 9, 599) / 2, 20)  # and between them, from 0 to 20
    codes = np.concatenate([NOISY, np.full((600, 1), 0.1), on_edges[:, None]], axis=1)
    value = jitted(metrics.mutual_information_matrix, num_bins=num_bins)(jnp.asarray(codes), jnp.asarray(FACTORS))
    for latent, code in enumerate(codes.T):
        bins = np.digitize(code, np.histogram(code, num_bins)[1][:-1])
        for factor, values in enumerate(FACTORS.T):
            expected = sklearn.metrics.mutual_info_score(bins, values)
            np.testing.assert_allclose(value[latent, factor], expected, atol=1e-12)


def test_many_rows_are_counted():
    rows = RNG.integers(0, 5, size=(10_000, 1))
    columns = (rows + RNG.integers(0, 2, size=(10_000, 1))) % 5
    value = jitted(metrics.mutual_information_matrix)(jnp.asarray(rows.astype(float)), jnp.asarray(columns))
    expected = sklearn.metrics.mutual_info_score(rows[:, 0], columns[:, 0])
    np.testing.assert_allclose(value, [[expected]], rtol=1e-10)


@pytest.mark.parametrize("metric", [metrics.mutual_information_matrix, metrics.mig, metrics.modularity])
def test_factors_that_do_not_fit_are_refused(metric):
    codes, factors = jnp.zeros((4, 2)), jnp.array([[0, 1], [2, 0], [0, 0], [1, 1]])
    with pytest.raises(VaejaxError, match=r"factors must be integers from 0 to 1 \(num_values - 1\), got 0 to 2"):
        metric(codes, factors, 2)
    with pytest.raises(VaejaxError, match="got -1 to 1"):
        metric(codes, factors - 1)
    with pytest.raises(VaejaxError, match="inside jit the number of values of factors is not known: say num_values"):
        jax.jit(metric)(codes, factors)


# mig, sap, modularity


def test_mig_of_codes_equal_to_factors_of_more_values_than_bins():
    """20 bins hold 40 values two by two: log 20 / log 40. Of 32 values, 12 bins hold two and 8 one: 17/20 of log 32."""
    values = np.arange(32 * 40)
    factors = jnp.asarray(np.stack([values % 32, values // 32], axis=1))
    value = jax.jit(functools.partial(metrics.mig, num_values=40))(factors.astype(float), factors)
    np.testing.assert_allclose(value.by_factor, [0.85, np.log(20) / np.log(40)], rtol=1e-10)
    dsprites = (1 + 1 + np.log(20) / np.log(40) + 0.85 + 0.85) / 5  # of 3, 6, 40, 32 and 32 values
    assert round(dsprites, 4) == 0.9024
    exact = jax.jit(functools.partial(metrics.mig, num_values=40, num_bins=40))(factors.astype(float), factors)
    np.testing.assert_allclose(exact.by_factor[1], 1.0, rtol=1e-10)


@pytest.mark.parametrize("metric", [metrics.mig, metrics.sap])
def test_a_gap_is_one_for_the_factors_and_zero_where_two_latents_know_the_same(metric):
    np.testing.assert_allclose(found(metric, "equal"), 1.0, rtol=1e-10)
    np.testing.assert_allclose(found(metric, "twice"), 0.0, atol=1e-12)
    assert found(metric, "constant") == 0
    assert 0 < found(metric, "noise") < 0.05
    assert found(metric, "rotated") < 0.4


def test_sap_of_a_rotation_is_a_gap_of_its_squares():
    """R^2 of z = A f with independent f of variance 1 and orthonormal A is A squared: 4/9 - 4/9 or 4/9 - 1/9."""
    value = jax.jit(metrics.sap)(jnp.asarray(CODES["rotated"]), jnp.asarray(FACTORS))
    np.testing.assert_allclose(value.by_factor, [0, 0, 0], atol=1e-10)  # each column is 2/3, 1/3, 2/3
    tilted = np.array([[0.8, 0.6], [-0.6, 0.8]])
    two = (FACTORS - FACTORS.mean(0))[:, :2] / FACTORS.std(0)[:2]
    value = jax.jit(metrics.sap)(jnp.asarray(two @ tilted.T), jnp.asarray(FACTORS))
    np.testing.assert_allclose(value.by_factor, [0.64 - 0.36, 0.64 - 0.36, 0], atol=1e-10)


def test_sap_is_the_gap_of_linear_regressions():
    value = jax.jit(metrics.sap)(jnp.asarray(NOISY), jnp.asarray(FACTORS))
    scores = np.empty((4, 3))
    for latent, factor in np.ndindex(4, 3):
        z, f = NOISY[:, [latent]], FACTORS[:, factor]
        scores[latent, factor] = sklearn.linear_model.LinearRegression().fit(z, f).score(z, f)
    best = np.sort(scores, axis=0)
    np.testing.assert_allclose(value.by_factor, best[-1] - best[-2], atol=1e-10)


def test_modularity_is_of_latents_and_not_of_factors():
    np.testing.assert_allclose(found(metrics.modularity, "equal"), 1.0, rtol=1e-10)
    np.testing.assert_allclose(found(metrics.modularity, "twice"), 1.0, rtol=1e-10)
    assert found(metrics.modularity, "constant") == 0
    assert found(metrics.modularity, "rotated") < 0.9
    one_of_three = jnp.asarray(CODES["equal"][:, :1])  # what it does not know costs nothing
    np.testing.assert_allclose(jitted(metrics.modularity)(one_of_three, jnp.asarray(FACTORS)), 1.0, rtol=1e-10)
    pair = FACTORS[:, 0] * 4 + FACTORS[:, 1]  # one latent that knows two factors, log 3 and log 4 nats of each
    value = jitted(metrics.modularity)(jnp.asarray(pair[:, None].astype(float)), jnp.asarray(FACTORS))
    np.testing.assert_allclose(value, 1 - (np.log(3) / np.log(4)) ** 2 / 2, rtol=1e-10)
    with pytest.raises(VaejaxError, match="two factors or more, got 1"):
        metrics.modularity(one_of_three, jnp.asarray(FACTORS[:, :1]))


def score_of(metric, codes, factors):
    args = (jnp.asarray(codes), jnp.asarray(factors))
    value = jax.jit(metric)(*args) if metric is metrics.sap else jitted(metric)(*args)
    return float(getattr(value, "score", value))


@pytest.mark.parametrize("metric", [metrics.mig, metrics.sap, metrics.modularity])
def test_scores_do_not_see_the_order_sign_and_scale_of_latents_nor_those_out_of_use(metric):
    value = score_of(metric, NOISY, FACTORS)
    assert 0.1 < value < 0.99
    padded = np.concatenate([NOISY[:, ::-1] * [3, 1, -2, 0.1] + 4, np.full((600, 2), 0.1)], axis=1)
    np.testing.assert_allclose(score_of(metric, padded, FACTORS), value, rtol=1e-9)
    np.testing.assert_allclose(score_of(metric, NOISY[::-1], FACTORS[::-1]), value, rtol=1e-9)


def test_a_factor_that_does_not_vary_is_left_out_of_the_gaps():
    more = np.concatenate([FACTORS, np.full((600, 1), 2)], axis=1)
    for metric in (metrics.mig, metrics.sap):
        np.testing.assert_allclose(score_of(metric, NOISY, more), score_of(metric, NOISY, FACTORS), rtol=1e-12)


def test_members_are_mapped():
    both = jnp.stack([jnp.asarray(CODES["equal"]), jnp.asarray(CODES["noise"])])
    value = jax.jit(jax.vmap(lambda codes: metrics.mig(codes, jnp.asarray(FACTORS), 5).score))(both)
    np.testing.assert_allclose(value, [1.0, found(metrics.mig, "noise")], rtol=1e-10)


# dci


@functools.cache
def dci(name, **settings):
    with jax.enable_x64(True):
        codes = NOISY if name == "noisy" else CODES[name]
        train, test = (jnp.asarray(codes[at::2]) for at in (0, 1))
        return jitted(metrics.dci, num_rounds=20)(train, jnp.asarray(FACTORS[::2]), test, jnp.asarray(FACTORS[1::2]))


def test_dci_is_one_of_the_factors_themselves():
    value = dci("equal")
    np.testing.assert_allclose(value.importance, np.eye(3), atol=1e-6)
    np.testing.assert_allclose([*value[:3]], [1, 1, 1], atol=1e-5)
    np.testing.assert_array_equal(value.accuracy, 1.0)


def test_codes_written_twice_are_disentangled_and_not_complete():
    value = dci("twice")
    np.testing.assert_allclose(value.importance, np.tile(np.eye(3), (2, 1)) / 2, atol=1e-6)
    np.testing.assert_allclose([*value[:3]], [1, 1 - np.log(2) / np.log(6), 1], atol=1e-5)


def test_dci_of_codes_that_know_nothing():
    constant, noise = dci("constant"), dci("noise")
    assert constant[:2] == (0, 0)
    np.testing.assert_array_equal(constant.importance, 0.0)
    np.testing.assert_allclose(constant.accuracy, [1 / 3, 1 / 4, 1 / 5], atol=0.01)  # of the largest class
    assert noise.disentanglement < 0.1
    assert noise.completeness < 0.1
    assert (np.abs(np.asarray(noise.accuracy) - [1 / 3, 1 / 4, 1 / 5]) < 0.12).all()
    assert (noise.train_accuracy > noise.accuracy + 0.1).all()  # it has learnt by heart, and says so


def test_dci_of_a_rotation_is_informative_and_nothing_else():
    value = dci("rotated")
    assert value.disentanglement < 0.5
    assert value.completeness < 0.5
    assert value.informativeness > 0.6
    np.testing.assert_allclose(value.importance.sum(0), 1.0, rtol=1e-10)


def test_disentanglement_and_completeness_are_the_entropies_of_the_importance():
    value = dci("noisy")
    r = np.asarray(value.importance)
    rows = [1 - scipy.stats.entropy(row, base=3) for row in r]
    columns = [1 - scipy.stats.entropy(column, base=4) for column in r.T]
    np.testing.assert_allclose(value.disentanglement, np.average(rows, weights=r.sum(1)), rtol=1e-9)
    np.testing.assert_allclose(value.completeness, np.mean(columns), rtol=1e-9)
    np.testing.assert_allclose(value.informativeness, value.accuracy.mean(), rtol=1e-12)
    assert r[0, 0] > 0.7 > 0.3 > r[3, 0] > 0  # the third copy of the first factor is drowned in noise


def test_dci_does_not_see_units_and_latents_out_of_use():
    codes = np.concatenate([np.exp(NOISY), np.full((600, 2), 0.1)], axis=1)  # trees see only the order
    train, test = (jnp.asarray(codes[at::2]) for at in (0, 1))
    value = jitted(metrics.dci, num_rounds=20)(train, jnp.asarray(FACTORS[::2]), test, jnp.asarray(FACTORS[1::2]))
    expected = dci("noisy")
    np.testing.assert_allclose([*value[:3]], [*expected[:3]], rtol=0.02)
    np.testing.assert_array_equal(value.importance[4:], 0.0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_importance_is_much_as_that_of_the_boosted_trees_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    codes = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0) @ rng.uniform(size=(3, 6)) ** 3
    codes = codes + 0.3 * rng.normal(size=(600, 6))
    train, test = (codes[at::2] for at in (0, 1))
    made = jitted(metrics.dci)(*map(jnp.asarray, (train, FACTORS[::2], test, FACTORS[1::2])))
    trees = [
        sklearn.ensemble.GradientBoostingClassifier(random_state=0).fit(train, factor) for factor in FACTORS[::2].T
    ]
    theirs = np.stack([tree.feature_importances_ for tree in trees], axis=1).ravel()
    ours = np.ravel(made.importance)
    assert scipy.stats.spearmanr(ours, theirs).statistic > 0.8  # 0.84 to 0.94: latents that hardly matter swap places
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95
    accuracy = [tree.score(test, factor) for tree, factor in zip(trees, FACTORS[1::2].T, strict=True)]
    np.testing.assert_allclose(made.accuracy, accuracy, atol=0.1)


# scores from groups that share a factor


@functools.partial(jax.jit, static_argnums=0)
def scored(metric, codes):
    source = metrics.fixing(codes, jnp.asarray(FACTORS))
    sizes = (400, 400, 20) if metric is metrics.factor_vae_score else (300, 300, 10)
    return metric(KEY, source, *sizes)


@functools.cache
def grouped(metric, name):
    with jax.enable_x64(True):
        return scored(metric, jnp.asarray(CODES[name]))


def test_a_group_shares_one_factor_and_nothing_else():
    source = metrics.fixing(jnp.asarray(FACTORS.astype(float)), jnp.asarray(FACTORS))
    keys = jax.random.split(KEY, 300)
    for factor, size in enumerate(SIZES):
        groups = np.asarray(jax.jit(jax.vmap(lambda key, f=factor: source.share(key, jnp.array(f), 20)))(keys))
        assert (groups[:, :, factor] == groups[:, :1, factor]).all()
        values = np.bincount(groups[:, 0, factor].astype(int), minlength=size)
        assert scipy.stats.chisquare(values).pvalue > 1e-3
        for other in set(range(3)) - {factor}:
            assert scipy.stats.chisquare(np.bincount(groups[:, :, other].astype(int).ravel())).pvalue > 1e-3


@pytest.mark.parametrize("metric", [metrics.factor_vae_score, metrics.beta_vae_score])
def test_a_fixed_factor_is_named_where_a_latent_is_that_factor(metric):
    least = 1 if metric is metrics.factor_vae_score else 0.97
    assert grouped(metric, "equal").accuracy >= least
    assert grouped(metric, "twice").accuracy >= least
    assert 0.2 < grouped(metric, "noise").accuracy < 0.45
    assert grouped(metric, "constant").accuracy == 0 or metric is metrics.beta_vae_score
    assert grouped(metric, "constant").accuracy < 0.45


def test_votes_are_of_the_latent_that_varies_least():
    value = grouped(metrics.factor_vae_score, "equal")
    assert value.votes.sum() == 400
    np.testing.assert_array_equal(value.votes, np.diag(np.diag(value.votes)))
    np.testing.assert_array_equal(grouped(metrics.factor_vae_score, "twice").votes.sum(1) > 0, [1, 1, 1, 0, 0, 0])


def test_a_latent_that_hardly_varies_gets_no_vote():
    codes = np.concatenate([CODES["noise"], 0.01 * CODES["noise"][::-1, :1]], axis=1)
    source = metrics.fixing(jnp.asarray(codes), jnp.asarray(FACTORS))
    votes = jax.jit(lambda least: metrics.factor_vae_score(KEY, source, 200, 10, 3, least).votes[3].sum())
    assert votes(0.05) == 0
    assert votes(0.0) > 0


def test_a_renderer_is_as_good_a_source_as_a_table():
    def share(key, factor, num):
        value_key, rest_key = jax.random.split(key)
        rest = jax.random.uniform(rest_key, (num, 2))
        return jnp.where(jnp.arange(2)[None] == factor, jax.random.uniform(value_key), rest)

    source = metrics.Fixing(2, share, jax.random.uniform(KEY, (100, 2)))
    assert jax.jit(lambda: metrics.factor_vae_score(KEY, source, 100, 100, 10))().accuracy == 1
    assert jax.jit(lambda: metrics.beta_vae_score(KEY, source, 100, 100, 10))().accuracy > 0.97


# udr


def by_the_formula(one, other, mine, theirs):
    r = np.array([[abs(scipy.stats.spearmanr(a, b).statistic) for b in other.T] for a in one.T])
    r = r[mine][:, theirs]
    return (np.sum(r.max(0) ** 2 / r.sum(0)) + np.sum(r.max(1) ** 2 / r.sum(1))) / (mine.sum() + theirs.sum())


def test_udr_is_the_formula_on_rank_correlations():
    z = RNG.normal(size=(3, 80, 4)).round(1)  # with ties
    z[1] = z[0] @ RNG.normal(size=(4, 4)) + 0.1 * z[1]
    rates = np.array([[1.0, 1, 1, 0], [1, 1, 1, 1], [0.5, 0.005, 2, 0.3]])
    value = jax.jit(metrics.udr)(jnp.asarray(z), jnp.asarray(rates))
    expected = np.array(
        [[by_the_formula(z[i], z[j], rates[i] > 0.01, rates[j] > 0.01) for j in range(3)] for i in range(3)]
    )
    np.testing.assert_allclose(value.pairs, expected * (1 - np.eye(3)), rtol=1e-10)
    others = [np.delete(row, i) for i, row in enumerate(expected)]
    np.testing.assert_allclose(value.score, np.median(others, axis=1), rtol=1e-10)


def test_udr_is_one_up_to_order_sign_and_monotone_maps_and_less_for_a_rotation():
    z = np.linalg.qr(RNG.normal(size=(500, 3)))[0] * 20
    same = np.exp(z[:, [2, 0, 1]] * [1, -1, 2] / 20)
    turned = z @ ROTATION
    padded = np.pad(np.stack([z, same, turned]), ((0, 0), (0, 0), (0, 2)))
    rates = jnp.asarray(np.tile([1.0, 1, 1, 0, 0], (3, 1)))
    pairs = jax.jit(metrics.udr)(jnp.asarray(padded), rates).pairs
    assert pairs[0, 1] > 0.8  # less than 1 only by chance rank correlations of unrelated latents
    assert pairs[0, 2] < 0.5
    collapsed = jax.jit(metrics.udr)(jnp.asarray(padded), rates.at[0].set(0.0))
    assert collapsed.score[0] == 0
    assert np.isfinite(collapsed.pairs).all()
