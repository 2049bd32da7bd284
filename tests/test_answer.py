"""The answer: paired differences, the margin, and what it says when it cannot tell."""

import numpy as np
import pytest
import xarray as xr

from vaejax.answer import bottleneck
from vaejax.answer._paired import gap_of
from vaejax.errors import VaejaxError

SIZES, BETAS, SEEDS, NUM = (2, 4, 8, 16), (1.0, 4.0), 3, 200


def table(losses, *, noise=0.05, seed_noise=0.0, status=None, **attrs):
    """Bounds near -100 whose mean loss to the best is `losses[beta][size]`; examples vary by 20 nats, in common."""
    rng = np.random.default_rng(0)
    shape = (len(BETAS), len(SIZES), SEEDS)

    def split():
        common = rng.normal(-100.0, 20.0, NUM)
        own = rng.normal(0.0, noise, (*shape, NUM)) + rng.normal(0.0, seed_noise, (*shape, 1))
        return common - np.array(losses)[:, :, None, None] + own - own.mean((2, 3), keepdims=True) * (seed_noise == 0)

    dims = ("beta", "latent_size", "seed")
    return xr.Dataset(
        {
            "elbo_validation_examples": ((*dims, "validation_example"), split()),
            "elbo_test_examples": ((*dims, "test_example"), split()),
            "status": (dims, np.full(shape, "ok") if status is None else status),
        },
        {"beta": list(BETAS), "latent_size": list(SIZES), "seed": list(range(SEEDS))},
        attrs,
    )


FLAT = [[9.0, 5.0, 0.1, 0.0], [12.0, 8.0, 3.0, 3.0]]


def test_the_smallest_size_within_the_margin_is_chosen_though_examples_vary_by_far_more():
    answer = bottleneck(table(FLAT))
    assert (answer.beta, answer.latent_size, answer.decided) == (1.0, 8, True)
    assert answer.gap_nats == pytest.approx(0.1, abs=0.03)
    assert answer.gap_se < 0.02
    assert answer.margin_nats == pytest.approx(0.5, abs=0.03)
    assert "8" in answer.reason
    assert answer.member["latent_size"] == 8


def test_the_margin_is_a_flag():
    assert bottleneck(table(FLAT), margin=0.0005).latent_size == 16
    assert bottleneck(table(FLAT), margin=0.08).latent_size == 4


def test_where_noise_leaves_several_possible_it_says_so():
    answer = bottleneck(table([[9.0, 5.0, 0.45, 0.0], [12.0, 8.0, 3.0, 3.0]], seed_noise=0.4))
    assert answer.latent_size == 16
    assert not answer.decided
    assert answer.candidates == (8, 16)
    assert "Not decided" in answer.reason


def test_unpaired_errors_would_decide_nothing():
    examples = table(FLAT).elbo_test_examples
    best, chosen = examples.sel(beta=1.0, latent_size=16).values, examples.sel(beta=1.0, latent_size=8).values
    unpaired = np.hypot(best.std() / np.sqrt(best.size), chosen.std() / np.sqrt(best.size))
    assert unpaired > 20 * gap_of(best - chosen).se


def test_the_standard_error_covers_examples_and_seeds():
    """Against many repetitions of the whole experiment: its spread is what the error says."""
    rng = np.random.default_rng(1)

    def once():
        return rng.normal(0, 1.0, (1, 50)) + rng.normal(0, 0.5, (6, 1)) + rng.normal(0, 0.3, (6, 50))

    gaps = [gap_of(once()) for _ in range(3000)]
    spread = np.std([gap.mean for gap in gaps])
    assert np.sqrt(np.mean([gap.se**2 for gap in gaps])) == pytest.approx(spread, rel=0.06)


def test_a_diverged_member_has_no_say():
    status = np.full((2, 4, 3), "ok", dtype="<U8")
    status[0, 3] = "diverged"
    losses = table(FLAT, status=status)
    answer = bottleneck(losses)
    assert answer.latent_size == 8
    assert any("3 members diverged" in warning for warning in answer.warnings)


def test_when_all_diverged_there_is_no_answer():
    answer = bottleneck(table(FLAT, status=np.full((2, 4, 3), "diverged")))
    assert (answer.latent_size, answer.decided, answer.member) == (None, False, {})
    assert "diverged" in answer.reason


def test_an_answer_at_the_edge_of_the_grid_is_told():
    warnings = bottleneck(table([[9.0, 5.0, 3.0, 0.0], [12.0, 8.0, 7.0, 6.0]])).warnings
    assert any("largest latent size" in warning for warning in warnings)
    flat = table([[0.0, 0.1, 0.1, 0.2], [1.0, 1.1, 1.1, 1.2]])
    assert any("smallest latent size" in warning for warning in bottleneck(flat).warnings)
    from_one = flat.assign_coords(latent_size=[1, *flat.latent_size.values[1:]])
    assert not any("smallest latent size" in warning for warning in bottleneck(from_one).warnings)


def test_one_seed_is_told():
    assert any("one seed" in warning for warning in bottleneck(table(FLAT).isel(seed=[0])).warnings)


def test_bounds_in_different_units_are_not_compared():
    with pytest.raises(VaejaxError, match="cannot be compared"):
        bottleneck(table(FLAT, preparation="v/16; (v + u)/17"))


def test_a_list_of_points_is_a_grid_too():
    points = table(FLAT).stack(point=("beta", "latent_size", "seed"), create_index=False)
    assert bottleneck(points).latent_size == 8


@pytest.mark.parametrize("margin", [0.0, 1.0, -0.1, float("nan")])
def test_a_margin_is_a_part(margin):
    with pytest.raises(VaejaxError, match="margin"):
        bottleneck(table(FLAT), margin=margin)


def test_it_is_said_where_codes_are_points_and_nothing_is_a_bound():
    found = table(FLAT)
    assert not any("points" in warning for warning in bottleneck(found).warnings)
    points = found.assign(log_likelihood=(found.status.dims, np.full(found.status.shape, -np.inf)))
    assert "no bound on log p(x)" in bottleneck(points).warnings[0]
