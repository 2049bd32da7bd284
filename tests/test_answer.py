"""The answer: paired differences, the margin, and what it says when it cannot tell."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from vaejax.answer import bottleneck, bottlenecks, sentence, sheet
from vaejax.answer._paired import paired, spread_of
from vaejax.answer._settings import Setting
from vaejax.differences import gap_of
from vaejax.errors import VaejaxError

SIZES, BETAS, SEEDS, NUM = (2, 4, 8, 16), (1.0, 4.0), 3, 200


def table(losses, *, noise=0.05, seed_noise=0.0, status=None, num_seeds=SEEDS, num=NUM, seed=0, centred=None, **attrs):
    """log p(x) near -100 whose mean loss to the best is `losses[beta][size]`; examples vary by 20 nats, in common."""
    rng = np.random.default_rng(seed)
    shape = (len(BETAS), len(SIZES), num_seeds)
    centred = seed_noise == 0 if centred is None else centred
    by_seed = rng.normal(0.0, seed_noise, (*shape, 1))

    def split():
        common = rng.normal(-100.0, 20.0, num)
        own = rng.normal(0.0, noise, (*shape, num)) + by_seed
        return common - np.array(losses)[:, :, None, None] + own - own.mean((2, 3), keepdims=True) * centred

    dims = ("beta", "latent_size", "seed")
    return xr.Dataset(
        {
            "log_likelihood_validation_examples": ((*dims, "validation_example"), split()),
            "log_likelihood_test_examples": ((*dims, "test_example"), split()),
            "status": (dims, np.full(shape, "ok") if status is None else status),
        },
        {"beta": list(BETAS), "latent_size": list(SIZES), "seed": list(range(num_seeds))},
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


def test_settings_are_named_in_the_order_of_the_axes_whatever_that_of_the_coordinates():
    data = table(FLAT)
    other = data.drop_vars("beta").assign_coords(beta=data["beta"])
    assert list(other.coords) != list(data.coords)
    assert bottleneck(other).reason == bottleneck(data).reason
    assert bottleneck(data).reason.startswith("Beta 1, latent size 8")


@pytest.mark.parametrize("split", ["validation", "test"])
def test_members_whose_likelihood_is_not_a_number_have_no_say(split):
    data = table(FLAT)
    data[f"log_likelihood_{split}_examples"][:, 3, :, 7] = np.nan  # of one example, of all members of the best size
    answer = bottleneck(data)
    assert (answer.latent_size, [one.latent_size for one in answer.sizes]) == (8, [2, 4, 8])
    assert answer.warnings[0] == "6 members diverged and had no say."
    data["log_likelihood_validation_examples"][:] = np.nan
    assert bottleneck(data).member == {}


def test_the_margin_is_a_flag():
    assert bottleneck(table(FLAT), margin=0.0005).latent_size == 16
    assert bottleneck(table(FLAT), margin=0.08).latent_size == 4


def test_where_noise_leaves_several_possible_it_says_so():
    answer = bottleneck(table([[9.0, 5.0, 0.45, 0.0], [12.0, 8.0, 3.0, 3.0]], seed_noise=0.2))
    assert answer.latent_size == 16
    assert not answer.decided
    assert answer.candidates == (8, 16)
    assert "Not decided" in answer.reason


def test_unpaired_errors_would_decide_nothing():
    examples = table(FLAT).log_likelihood_test_examples
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


@pytest.mark.parametrize("nats", [0.0, -1.0, float("nan")])
def test_a_margin_in_nats_is_above_zero(nats):
    with pytest.raises(VaejaxError, match="margin_nats"):
        bottleneck(table(FLAT), margin_nats=nats)


def test_a_margin_in_nats_does_not_depend_on_where_zero_is():
    """log p(x) of a density moves with the units of x, and a part of it with them."""
    measured = table(FLAT)
    moved = measured.assign(
        {name: measured[name] + 100.0 for name in measured if str(name).startswith("log_likelihood")}
    )
    asked = [bottleneck(one, margin_nats=0.5) for one in (measured, moved)]
    assert asked[0].latent_size == asked[1].latent_size == 8
    assert asked[0].margin_nats == 0.5
    assert "within the margin of 0.50 nats, so" in asked[0].reason
    assert bottleneck(measured, margin_nats=8.0).latent_size == 4


@pytest.mark.parametrize(("draws", "told"), [(1.5, True), (8.0, True), (40.0, False)])
def test_a_likelihood_of_too_few_draws_is_told_where_its_bias_is_beside_the_margin(draws, told):
    """1 / (2 * 8) nats is an eighth of a margin of half a nat."""
    measured = table(FLAT)
    measured = measured.assign(
        effective_sample_size=(measured["status"].dims, np.full(measured["status"].shape, draws))
    )
    words = [text for text in bottleneck(measured, margin_nats=0.5).warnings if f"effective {draws} draws" in text]
    assert bool(words) == told
    assert not [text for text in bottleneck(measured, margin_nats=50.0).warnings if "draws" in text]


@pytest.mark.parametrize(("rose", "told"), [(0.1, False), (0.9, True), (np.nan, False), (-3.0, False)])
def test_sizes_that_were_compared_before_training_ended_are_told(rose, told):
    measured = table(FLAT)
    measured = measured.assign(drift=(measured["status"].dims, np.full(measured["status"].shape, rose)))
    words = [text for text in bottleneck(measured, margin_nats=0.5).warnings if "still rose by 0.90 nats" in text]
    assert bool(words) == told


def bounds_only(found):
    splits = ("validation", "test")
    return found.rename({f"log_likelihood_{split}_examples": f"elbo_{split}_examples" for split in splits})


def test_likelihood_decides_and_not_the_bound():
    """A bound that is loose where there are many latents would choose fewer."""
    likelihoods, bounds = table(FLAT), bounds_only(table([[9.0, 0.0, 4.0, 5.0], [12.0, 8.0, 7.0, 6.0]]))
    answer = bottleneck(likelihoods.assign(bounds))
    assert (answer.latent_size, answer.by) == (8, "log_likelihood")
    assert bottleneck(bounds).latent_size == 4


def test_a_table_of_before_falls_back_to_the_bound_and_says_so():
    answer = bottleneck(bounds_only(table(FLAT)))
    assert answer == bottleneck(table(FLAT))._replace(
        by="elbo", warnings=answer.warnings, reason=answer.reason, sizes=answer.sizes
    )
    assert "compared by their bounds" in answer.warnings[0]
    assert "best bound" in answer.reason


class TestSeveralTables:
    def test_seeds_of_a_setting_are_pooled_as_if_it_were_one_table(self):
        whole = table(FLAT, seed_noise=0.1)
        apart = bottleneck(whole.isel(seed=[1]), whole.isel(seed=[2, 0]))
        together = bottleneck(whole)
        assert (apart.reason, apart.member, apart.candidates) == (together.reason, together.member, together.candidates)
        assert apart.sizes[0].num_seeds == 3
        np.testing.assert_allclose(
            [size[2:7] for size in apart.sizes], [size[2:7] for size in together.sizes], atol=1e-12
        )

    def test_seeds_are_spent_where_it_was_undecided(self):
        close = [[9.0, 5.0, 0.3, 0.0], [12.0, 8.0, 3.0, 3.0]]
        whole = table(close, seed_noise=0.2, num_seeds=16)
        first = whole.isel(seed=slice(2))
        assert not bottleneck(first).decided
        second = whole.isel(seed=slice(2, None)).sel(latent_size=[8, 16], beta=[1.0])
        answer = bottleneck(first, second)
        assert (answer.latent_size, answer.decided) == (8, True)
        assert [size.num_seeds for size in answer.sizes] == [2, 2, 16, 16]

    def test_points_and_grids_are_joined_by_their_values(self):
        whole = table(FLAT)
        points = whole.isel(seed=[2]).stack(point=("beta", "latent_size", "seed"), create_index=False)
        assert bottleneck(whole.isel(seed=[0, 1]), points).sizes[0].num_seeds == 3

    @pytest.mark.parametrize(
        ("other", "words"),
        [
            (lambda one: one.expand_dims(width=[64]), "width is an axis of one table alone"),
            (lambda one: one.isel(beta=0, drop=True), "beta is an axis of one table alone"),
            (lambda one: one.assign_attrs(data="digits"), "data is shapes of one and digits"),
            (lambda one: one.assign_attrs(num_samples=8), "num samples is None of one and 8"),
            (lambda one: one, "seed=0 more than once"),
        ],
        ids=["more", "fewer", "data", "samples", "twice"],
    )
    def test_what_cannot_be_joined_is_refused_by_name(self, other, words):
        one = table(FLAT, data="shapes")
        with pytest.raises(VaejaxError, match=words):
            bottleneck(one, other(one))


class TestPaid:
    def test_each_size_at_its_best_beta_beside_the_best_and_beside_the_answer(self):
        losses = [[9.0, 5.0, 0.1, 0.0], [12.0, 3.0, 3.0, 3.0]]
        found = table(losses)
        answer = bottleneck(found.assign(rate=(found.status.dims, np.arange(24.0).reshape(2, 4, 3))))
        assert [(size.latent_size, size.beta) for size in answer.sizes] == [(2, 1.0), (4, 4.0), (8, 1.0), (16, 1.0)]
        np.testing.assert_allclose([size.gap_nats for size in answer.sizes], [9, 3, 0.1, 0], atol=0.03)
        np.testing.assert_allclose([size.pays_nats for size in answer.sizes], [8.9, 2.9, 0, -0.1], atol=0.03)
        assert [size.rate for size in answer.sizes] == [1, 16, 7, 10]
        assert answer.sizes[0].distortion is None
        said = sentence(answer.sizes, answer.latent_size)
        assert said.startswith("smaller: 4 pays 2.9")
        assert "larger: 16 gains 0.1" in said
        assert len(sheet(answer.sizes).splitlines()) == 5

    def test_at_either_end_there_is_one_neighbour(self):
        assert "larger" not in sentence(bottleneck(table(FLAT), margin=0.0005).sizes, 16)
        assert "smaller" not in sentence(bottleneck(table(FLAT), margin=0.3).sizes, 2)


class TestCertainty:
    """Many repetitions of a whole experiment with known losses: how often what is claimed is false."""

    @pytest.mark.parametrize("num_seeds", [2, 3, 5])
    @pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
    def test_a_bound_holds_as_often_as_it_says(self, num_seeds, share):
        """share: of the variance, which is of seeds and which of examples."""
        rng = np.random.default_rng(7)
        num, repeats = 40, 4000
        seeds = rng.normal(0, np.sqrt(num_seeds * share), (repeats, num_seeds, 1))
        examples = rng.normal(0, np.sqrt(num * (1 - share)), (repeats, 1, num))
        gaps = [gap_of(one) for one in seeds + examples]
        missed = np.mean([gap.mean - gap.reach > 0 for gap in gaps])
        assert missed < 0.025 + 3 * np.sqrt(0.025 / repeats)
        if share == 1:  # Student's t is exact there, and two standard errors are far too few
            assert missed > 0.025 - 3 * np.sqrt(0.025 / repeats)
            assert np.mean([gap.mean > 2 * gap.se for gap in gaps]) > 0.045

    @pytest.mark.parametrize("num_seeds", [2, 3, 5])
    @pytest.mark.parametrize(("loss", "smallest"), [(0.52, 16), (0.48, 8)])
    def test_an_answer_that_is_called_decided_is_wrong_one_time_in_forty_at_most(self, num_seeds, loss, smallest):
        wrong, repeats = 0, 300
        for repeat in range(repeats):
            found = table(
                [[9.0, 5.0, loss, 0.0], [12.0, 8.0, 3.0, 3.0]],
                seed_noise=0.1,
                num_seeds=num_seeds,
                seed=repeat,
                centred=False,
                num=40,
            )
            answer = bottleneck(found)
            wrong += answer.decided and answer.latent_size != smallest
        assert wrong <= 0.025 * repeats + 3 * np.sqrt(0.025 * repeats)

    def test_seeds_of_all_sizes_together_tell_what_chance_adds(self):
        """Against the analysis of variance by hand, and Student's quantile at its degrees of freedom."""
        rng = np.random.default_rng(3)
        values = -100 + rng.normal(size=(4, 1)) + rng.normal(size=(1, 3)) + 0.2 * rng.normal(size=(4, 3))
        settings = [Setting({}, (0, 1, 2), row[:, None], row[:, None], {}) for row in values]
        left = values - values.mean(1, keepdims=True) - values.mean(0, keepdims=True) + values.mean()
        spread = spread_of(settings, "test")
        assert spread.freedom == 3 * 2
        assert spread.variance == pytest.approx(np.sum(left**2) / 6)
        wide = spread._replace(variance=100.0)
        assert paired(settings[0], settings[1], "test", wide).reach == pytest.approx(
            scipy.stats.t.ppf(0.975, 6) * np.sqrt(2 * 100 / 3)
        )
        fewer = [settings[0]._replace(seeds=(0, 1, 7)), *settings[1:]]  # a seed of its own tells nothing of chance
        assert spread_of(fewer, "test").freedom == 5

    def test_what_is_far_from_the_best_and_varies_much_leaves_the_decision_alone(self):
        calm = table([[40.0, 3.0, 0.1, 0.0], [40.0, 3.0, 0.2, 0.1]], seed_noise=0.02, num_seeds=2)
        wild = calm.copy(deep=True)
        for split in ("validation", "test"):
            wild[f"log_likelihood_{split}_examples"].loc[{"latent_size": 2}] += np.array([9.0, -9.0])[:, None]
        assert bottleneck(calm).latent_size == bottleneck(wild).latent_size == 8
        assert bottleneck(wild).decided

    def test_two_seeds_of_four_sizes_decide_what_is_clear(self):
        decided = 0
        for repeat in range(100):
            losses = [[9.0, 5.0, 0.1, 0.0], [12.0, 8.0, 3.0, 3.0]]
            noise = {"seed_noise": 0.1, "num_seeds": 2, "seed": repeat, "centred": False, "num": 40}
            answer = bottleneck(table(losses, **noise))
            decided += answer.decided and answer.latent_size == 8
        assert decided > 60  # by two seeds of two sizes alone a quarter

    def test_it_is_said_how_badly_chance_is_known_where_that_is_why_it_is_undecided(self):
        losses = [[9.0, 5.0, 0.45, 0.0], [12.0, 8.0, 3.0, 3.0]]
        two = table(losses, seed_noise=0.2, num_seeds=2).sel(beta=[1.0], latent_size=[8, 16])
        assert any("counts 12.7 times" in warning for warning in bottleneck(two).warnings)
        five = table(losses, seed_noise=0.2, num_seeds=5)
        assert not bottleneck(five).decided
        assert not any("known so badly" in warning for warning in bottleneck(five).warnings)

    def test_seeds_that_are_not_shared_are_compared_by_their_means(self):
        found = table([[9.0, 5.0, 1.0, 0.0], [12.0, 8.0, 3.0, 3.0]], seed_noise=0.1)
        other = found.sel(latent_size=[16], beta=[1.0]).assign_coords(seed=[7, 8, 9])
        rest = found.sel(latent_size=[2, 4, 8], beta=[1.0])
        best, eight = (part.log_likelihood_test_examples.values.reshape(-1, 3, NUM)[-1] for part in (other, rest))
        answer = bottleneck(rest, other)
        ends = [scipy.stats.sem(one.mean(1)) for one in (best, eight)]
        examples = scipy.stats.sem(best.mean(0) - eight.mean(0))
        paid = next(size for size in answer.sizes if size.latent_size == 8)
        assert paid.gap_nats == pytest.approx(best.mean() - eight.mean())
        assert paid.gap_se == pytest.approx(np.sqrt(sum(end**2 for end in ends) + examples**2))


def test_it_is_said_where_codes_are_points_and_nothing_is_a_bound():
    found = table(FLAT)
    assert not any("points" in warning for warning in bottleneck(found).warnings)
    points = bounds_only(found).assign(log_likelihood=(found.status.dims, np.full(found.status.shape, -np.inf)))
    answer = bottleneck(points)
    assert "no bound on log p(x)" in answer.warnings[0]
    assert "trade-off" in answer.reason
    assert answer.by == "elbo"


class TestOtherCriteria:
    @staticmethod
    def told():
        """Likelihood needs 8 latents, reconstruction 16 and generation 4 (one number for each member)."""
        found = table(FLAT)
        near = table([[9.0, 5.0, 2.0, 0.0], [12.0, 8.0, 6.0, 5.0]])
        for split in ("validation", "test"):
            name = f"{split}_examples"
            found[f"distortion_{name}"] = -near[f"log_likelihood_{name}"]
        distances = np.array([[9.0, 2.0, 2.5, 3.0], [9.5, 2.4, 2.6, 3.1]])[..., None] + [0.0, 0.001, -0.001]
        return found.assign(frechet_pca=(found.status.dims, distances), energy=(found.status.dims, -distances))

    def test_each_criterion_has_its_direction(self):
        found = self.told()
        assert bottleneck(found, by="distortion").latent_size == 16
        answer = bottleneck(found, by="frechet_pca")
        assert (answer.latent_size, answer.beta, answer.decided) == (4, 1.0, True)
        assert "best Fréchet distance in PCA features, 2.00 on test" in answer.reason
        assert bottleneck(found, by="+energy").latent_size == 4
        assert bottleneck(found, by="-energy").beta == 4.0

    def test_where_they_disagree_it_is_said(self):
        both = bottlenecks(self.told())
        assert not both.agree
        assert both.reason == (
            "Criteria disagree: by likelihood latent size 8, by reconstruction (distortion) 16, by generation (Fréchet "
            "distance in PCA features) 4."
        )
        assert bottlenecks(table(FLAT)).reason == "Criteria agree: by likelihood latent size 8."

    def test_one_number_of_one_seed_decides_nothing(self):
        answer = bottleneck(self.told().isel(seed=[0]), by="frechet_pca")
        assert not answer.decided
        assert answer.candidates == (2, 4)

    @pytest.mark.parametrize(
        ("by", "words"), [("energy", "by='-energy'"), ("-nothing", "no column nothing"), ("ssim", "no column ssim")]
    )
    def test_what_has_no_direction_or_is_not_there_is_refused(self, by, words):
        with pytest.raises(VaejaxError, match=words):
            bottleneck(self.told(), by=by)

    def test_a_column_that_is_not_known_of_some_is_refused(self):
        found = self.told()
        found["frechet_pca"][0, 0, 0] = np.nan
        with pytest.raises(VaejaxError, match="of 1 members"):
            bottleneck(found, by="frechet_pca")


def test_what_a_seed_has_in_common_between_settings_cancels():
    """Common random numbers: a seed that is bad for all tells nothing about their differences."""
    found = table(FLAT)
    lucky = np.array([5.0, -3.0, 0.0])[:, None]
    shifted = found.assign(
        {
            name: found[name] + xr.DataArray(lucky, dims=("seed", found[name].dims[-1]))[..., 0]
            for name in found
            if "example" in name
        }
    )
    one, other = bottleneck(found), bottleneck(shifted)
    assert other.gap_se == pytest.approx(one.gap_se)
    assert (other.latent_size, other.decided) == (one.latent_size, one.decided)
