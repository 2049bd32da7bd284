"""Rate against distortion where both are known on paper, and what cannot change a front."""

import re

import numpy as np
import pytest
import xarray as xr

import vaejax as vj
from vaejax.errors import VaejaxError

VARIANCES, NOISE = np.array([9.0, 4.0, 2.0, 1.5, 0.6]), 1.0  # of the principal components; the last is under the noise
BETAS = np.array([0.1, 0.25, 0.5, 1.0, 1.3, 2.0, 4.0, 12.0])
SIZES = (1, 2, 4)
DIMS = ("beta", "latent_size", "seed")


def water(beta, size):
    """Reverse water-filling (Cover and Thomas, 13.3): what a linear VAE of that size reaches at the level beta s^2."""
    level, kept = beta * NOISE**2, VARIANCES[:size]
    rate = 0.5 * np.log(np.maximum(kept / level, 1)).sum()
    error = np.minimum(kept, level).sum() + VARIANCES[size:].sum()
    return rate, error / (2 * NOISE**2) + 0.5 * len(VARIANCES) * np.log(2 * np.pi * NOISE**2)


def table(betas=BETAS, sizes=SIZES, num_seeds=3, seed_noise=0.0, examples=True):
    rng = np.random.default_rng(0)
    truth = np.array([[water(beta, size) for size in sizes] for beta in betas])
    shape = (len(betas), len(sizes), num_seeds)
    rates, distortions = (
        np.broadcast_to(truth[..., k, None, None], (*shape, 50)) + rng.normal(0, seed_noise, (*shape, 1))
        for k in (0, 1)
    )
    common = rng.normal(0, 3.0, 50)
    distortions = distortions + common - common.mean()
    found = {
        "rate": (DIMS, rates.mean(-1)),
        "distortion": (DIMS, distortions.mean(-1)),
        "status": (DIMS, np.full(shape, "ok")),
    }
    for split in ("validation", "test") if examples else ():
        found[f"distortion_{split}_examples"] = ((*DIMS, f"{split}_example"), distortions)
        found[f"elbo_{split}_examples"] = ((*DIMS, f"{split}_example"), -rates - distortions)
    return xr.Dataset(found, {"beta": list(betas), "latent_size": list(sizes), "seed": list(range(num_seeds))})


class TestPareto:
    def test_the_knee_of_a_linear_model_is_beta_one(self):
        found = vj.pareto(table())
        assert found.knee.values == {"beta": 1.0, "latent_size": 4}
        rate, distortion = water(1.0, 4)
        assert (found.knee.rate, found.knee.distortion) == pytest.approx((rate, distortion))
        assert "end of the front" not in found.reason

    def test_slopes_of_the_front_lie_between_the_betas_of_their_ends(self):
        """-dD/dR is beta: the slope of a chord lies between those at its ends."""
        found = vj.pareto(table(sizes=(4,)))
        betas = [point.values["beta"] for point in found.front]
        assert betas == sorted(betas, reverse=True)
        for slope, low, high in zip(found.slopes, betas[1:], betas[:-1], strict=True):
            assert low <= slope <= high

    def test_no_point_is_below_the_curve_and_the_full_size_is_on_the_front(self):
        found = vj.pareto(table())
        assert {point.values["beta"] for point in found.front if point.values["latent_size"] == 4} == set(BETAS)
        poor = next(p for p in found.points if p.values == {"beta": 0.1, "latent_size": 1})
        assert poor.place == "dominated"

    def test_what_is_worse_by_less_than_error_is_near_and_not_dominated(self):
        sure = table(betas=[1.0], sizes=(4,), seed_noise=0.0)
        worse = sure.copy(deep=True).assign_coords(latent_size=[5])
        for name in ("distortion_validation_examples", "distortion_test_examples"):
            worse[name] = worse[name] + 0.05
            bound = name.replace("distortion", "elbo")
            worse[bound] = worse[bound] - 0.05
        assert [p.place for p in vj.pareto(sure, worse).points] == ["front", "dominated"]
        for name in ("distortion_test_examples", "elbo_test_examples"):
            sign = 1 if name.startswith("d") else -1
            worse[name] = worse[name] + sign * (np.array([0.3, -0.3, 0.0]))[:, None]
        assert [p.place for p in vj.pareto(sure, worse).points] == ["front", "near"]

    def test_a_dominated_setting_or_another_order_changes_nothing(self):
        whole = table(seed_noise=0.02)
        found = vj.pareto(whole)
        bad = whole.sel(beta=[12.0], latent_size=[1]).assign_coords(beta=[13.0])
        bad["distortion_test_examples"] = bad["distortion_test_examples"] + 5.0
        bad["elbo_test_examples"] = bad["elbo_test_examples"] - 5.0
        assert vj.pareto(whole, bad).front == found.front
        mixed = vj.pareto(whole.isel(beta=slice(None, None, -1), latent_size=[1, 2, 0], seed=[2, 0, 1]))
        assert [p.values for p in mixed.front] == [p.values for p in found.front]
        np.testing.assert_allclose([p[2:8] for p in mixed.front], [p[2:8] for p in found.front], atol=1e-12)

    def test_errors_are_over_examples_and_seeds_or_seeds_alone(self):
        point = vj.pareto(table(seed_noise=0.0)).knee
        assert point.rate_se == pytest.approx(0, abs=1e-12)
        assert point.distortion_se == pytest.approx(
            np.random.default_rng(0).normal(0, 3.0, 50).std(ddof=1) / np.sqrt(50), rel=0.4
        )
        old = vj.pareto(table(seed_noise=0.1, examples=False)).knee
        assert 0 < old.rate_se < 0.2

    def test_all_diverged_is_refused(self):
        whole = table()
        with pytest.raises(VaejaxError, match="diverged"):
            vj.pareto(whole.assign(status=(DIMS, np.full(whole.status.shape, "diverged"))))


class TestAtRate:
    @pytest.mark.parametrize("rate", [2.2, 3.0, 4.0, 5.5])
    def test_beta_is_exact_where_the_active_units_do_not_change(self, rate):
        """Beneath the smallest variance all four are active: R = 1/2 sum log(v / (beta s^2)), linear in log beta."""
        found = vj.at_rate(table(), rate)
        exact = np.exp((np.log(VARIANCES[:4]).sum() - 2 * rate) / 4) / NOISE**2
        assert found.values["latent_size"] == 4
        assert found.reached
        if exact < 1.3:
            assert found.values["beta"] == pytest.approx(exact, rel=1e-9)
        truth = water(found.values["beta"], 4)[1]
        assert truth <= found.distortion + 1e-9 <= truth + 0.25  # the chord of a convex curve

    def test_what_is_trained_and_near_has_at_most_that_rate(self):
        found = vj.at_rate(table(), 3.0)
        assert found.nearest.rate <= 3.0
        rates = {(b, s): water(b, s) for b in BETAS for s in SIZES}
        assert found.nearest.distortion == pytest.approx(min(d for r, d in rates.values() if r <= 3.0))

    def test_errors_come_from_seeds(self):
        assert np.isnan(vj.at_rate(table(num_seeds=1), 3.0).beta_se)
        spread = [vj.at_rate(table(num_seeds=8, seed_noise=noise), 3.0).beta_se for noise in (0.02, 0.2)]
        assert spread[1] == pytest.approx(10 * spread[0], rel=0.3)

    @pytest.mark.parametrize(
        ("rate", "words"),
        [(20.0, r"the grid's rates go from 0\.0 to 6\.9: train smaller betas"), (0.5, "larger betas")],
    )
    def test_what_is_not_reached_is_said_with_the_range(self, rate, words):
        found = vj.at_rate(table(betas=BETAS if rate > 1 else BETAS[:3], sizes=(4,)), rate)
        assert not found.reached
        assert found.values == {}
        assert re.search(words, found.reason)

    @pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
    def test_a_rate_is_positive(self, rate):
        with pytest.raises(VaejaxError, match="rate"):
            vj.at_rate(table(), rate)
