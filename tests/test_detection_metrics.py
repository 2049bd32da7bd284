"""AUROC and average precision against scikit-learn's, their errors against what repetition shows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import average_precision_score, roc_auc_score

from vaejax.errors import VaejaxError
from vaejax.metrics import auroc, average_precision, bootstrap

KEY = jax.random.key(0)


def drawn(num=400, levels=None, rate=0.2, seed=0):
    """Scores and labels; with `levels` many scores are equal."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(num) < rate).astype(int)
    scores = rng.normal(labels * 1.0)
    return (scores if levels is None else np.round(scores * levels) / levels), labels


@pytest.mark.parametrize("levels", [None, 1, 3])
@pytest.mark.parametrize("rate", [0.02, 0.2, 0.9])
def test_areas_are_scikit_learn_s_with_ties_and_without(levels, rate, float64):
    scores, labels = drawn(levels=levels, rate=rate)
    assert float(auroc(scores, labels).value) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert float(average_precision(scores, labels)) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


def test_in_float32_they_are_as_in_float64():
    scores, labels = drawn(20_000)
    scores = scores.astype(np.float32)
    assert float(auroc(scores, labels).value) == pytest.approx(roc_auc_score(labels, scores), abs=2e-6)
    assert float(average_precision(scores, labels)) == pytest.approx(average_precision_score(labels, scores), abs=2e-6)


def test_auroc_is_that_of_mann_whitney_and_turns_round():
    scores, labels = drawn(levels=2)
    u = scipy.stats.mannwhitneyu(scores[labels == 1], scores[labels == 0]).statistic
    value = float(auroc(scores, labels).value)
    assert value == pytest.approx(u / (labels.sum() * (1 - labels).sum()), abs=1e-6)
    assert float(auroc(-scores, labels).value) == pytest.approx(1 - value, abs=1e-6)
    assert float(auroc(np.exp(scores), labels > 0).value) == pytest.approx(value, abs=1e-6)  # by order alone


def test_delong_s_error_is_that_of_its_formula_and_of_repetition(float64):
    scores, labels = drawn(150, levels=4)
    wins = np.sign(scores[labels == 1][:, None] - scores[labels == 0][None]) / 2 + 0.5
    variance = wins.mean(1).var(ddof=1) / wins.shape[0] + wins.mean(0).var(ddof=1) / wins.shape[1]
    assert float(auroc(scores, labels).standard_error) == pytest.approx(np.sqrt(variance), rel=1e-9)
    sets = [drawn(200, rate=0.3, seed=seed) for seed in range(300)]
    found = jax.jit(jax.vmap(auroc))(*(jnp.asarray(np.stack(rows)) for rows in zip(*sets, strict=True)))
    assert float(found.standard_error.mean()) == pytest.approx(float(found.value.std(ddof=1)), rel=0.12)
    truth = scipy.stats.norm.cdf(1 / np.sqrt(2))
    low, high = found.interval()
    assert 0.91 < float(((low < truth) & (truth < high)).mean()) < 0.985


def test_an_interval_stays_within_0_and_1():
    low, high = auroc(jnp.array([0.0, 1.0, 2.0, 1.5, 3.0]), jnp.array([0, 0, 0, 1, 1])).interval()
    assert 0 < low < high < 1
    perfect = auroc(jnp.arange(4.0), jnp.array([0, 0, 1, 1]))
    assert [float(a) for a in (perfect.value, *perfect.interval())] == [1, 1, 1]


def test_chance_is_half_and_the_part_that_is_anomalous():
    scores, labels = np.zeros(50), np.arange(50) < 10
    assert float(auroc(scores, labels).value) == 0.5
    assert float(average_precision(scores, labels)) == pytest.approx(0.2)


def test_the_bootstrap_of_a_mean_is_its_standard_error():
    x = np.random.default_rng(1).gamma(2.0, size=400).astype(np.float32)
    found = jax.jit(lambda key: bootstrap(key, jnp.mean, jnp.asarray(x)))(KEY)
    assert float(found.standard_error) == pytest.approx(x.std() / np.sqrt(400), rel=0.1)
    ends = scipy.stats.norm.interval(0.95, x.mean(), x.std() / np.sqrt(400))
    np.testing.assert_allclose((found.low, found.high), ends, atol=0.03)
    assert float(found.value) == pytest.approx(x.mean(), rel=1e-6)


def test_each_resample_has_as_many_of_every_stratum():
    labels = jnp.asarray([0, 1, 2, 2, 0, 2, 1, 2])
    counts = bootstrap(KEY, lambda a: jnp.bincount(a, length=3) * 1.0, labels, strata=labels, num_resamples=20)
    np.testing.assert_array_equal(counts.low, [2, 2, 4])
    np.testing.assert_array_equal(counts.standard_error, 0)
    free = bootstrap(KEY, lambda a: jnp.bincount(a, length=3) * 1.0, labels, num_resamples=20)
    assert (free.standard_error > 0).all()


def test_two_scores_of_the_same_examples_differ_by_less_than_either_is_known():
    scores, labels = drawn(300, rate=0.5)
    other = scores + 0.05 * np.random.default_rng(2).normal(size=300)
    found = bootstrap(
        KEY,
        lambda a, b, y: auroc(a, y).value - auroc(b, y).value,
        jnp.asarray(scores), jnp.asarray(other), jnp.asarray(labels),
        strata=jnp.asarray(labels), num_resamples=200,
    )  # fmt: skip
    assert float(found.standard_error) < 0.2 * float(auroc(scores, labels).standard_error)


@pytest.mark.parametrize("measure", [auroc, average_precision])
@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        (np.ones(3), np.ones(4), "one score and one label for each example"),
        (np.ones((2, 2)), np.ones((2, 2)), "one score and one label for each example"),
        (np.ones(3), np.ones(3), "examples of both kinds"),
        (np.ones(3), np.array([0, 1, 2]), "labelled 1 where they are anomalous"),
        (np.array([1, np.nan, 0]), np.array([0, 1, 0]), "one is NaN"),
    ],
)
def test_what_has_no_order_or_one_kind_is_refused(measure, scores, labels, said):
    with pytest.raises(VaejaxError, match=said):
        measure(scores, labels)


def test_a_bootstrap_of_unequal_arrays_is_refused():
    with pytest.raises(VaejaxError, match="arrays of one row for each example"):
        bootstrap(KEY, jnp.mean, jnp.ones(3), jnp.ones(4))
    with pytest.raises(VaejaxError, match="level must be a number above 0 and at most 1"):
        bootstrap(KEY, jnp.mean, jnp.ones(3), level=95)
