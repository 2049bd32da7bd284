"""Figures show what was measured: the marks are read back and held against the table."""

from __future__ import annotations

import re
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import vaejax as vj
from vaejax.answer import Answer
from vaejax.errors import VaejaxError
from vaejax.grid import Result
from vaejax.report import Codes, Portrait, Traversed, figures
from vaejax.report.figures._look import png

BETAS, SIZES = [0.5, 1.0, 4.0], [2, 4, 8, 32]
RNG = np.random.default_rng(0)


@pytest.fixture
def table():
    """Three betas, four sizes, two seeds; the last member diverged."""
    rate = np.array([[8, 16, 30, 31], [6, 12, 22, 22], [3, 6, 9, 9.0]])[..., None] + RNG.normal(0, 0.1, (3, 4, 2))
    distortion = np.array([[180, 120, 90, 95], [175, 122, 94, 96], [180, 140, 130, 134.0]])[..., None] + np.zeros(2)
    distortion = distortion + RNG.normal(0, 0.1, distortion.shape)
    elbo = -(rate + distortion)
    status = np.full(rate.shape, "ok", dtype=object)
    status[-1, -1, -1] = "diverged"
    bad = status != "ok"
    history = elbo[..., None] - 50 * np.exp(-np.arange(1, 21) / 3)
    nats = {"description": "test, nats per example"}
    dims = ("beta", "latent_size", "seed")
    found = {
        "rate": (dims, np.where(bad, np.nan, rate), nats),
        "distortion": (dims, np.where(bad, np.nan, distortion), nats),
        "elbo": (dims, np.where(bad, np.nan, elbo), nats),
        "log_likelihood": (dims, np.where(bad, np.nan, elbo + 2), nats),
        "log_likelihood_se": (dims, np.full(elbo.shape, 0.3), nats),
        "active_units": (dims, np.where(bad, np.nan, np.minimum(np.array(SIZES)[:, None], 20) + np.zeros(elbo.shape))),
        "status": (dims, status.astype(str)),
        "history_validation": ((*dims, "epoch"), np.where(bad[..., None], np.nan, history)),
    }
    return xr.Dataset(found, {"beta": BETAS, "latent_size": SIZES, "seed": [0, 1], "epoch": range(1, 21)})


def answer(**changed):
    usual = {"margin_nats": 1.0, "latent_size": 8, "member": {"beta": 0.5, "latent_size": 8, "seed": 1}}
    return SimpleNamespace(**{**usual, **changed})


def drawn(figure):
    """Its axes, laid out as they are where it is written."""
    assert isinstance(figure, Figure)
    assert png(figure)[1:4] == b"PNG"
    return figure.axes


def texts(axes):
    return [text.get_text() for text in axes.texts]


class TestHeatMap:
    def test_cells_are_means_over_seeds_in_the_places_of_their_axes(self, table):
        axes, bar = drawn(figures.heat_map(table))
        (picture,) = axes.images
        expected = table.log_likelihood.mean("seed").transpose("beta", "latent_size")  # what diverged is left out
        np.testing.assert_allclose(np.asarray(picture.get_array()), expected)
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "4", "8", "32"]
        assert [tick.get_text() for tick in axes.get_yticklabels()] == ["0.5", "1", "4"]
        assert bar.get_ylabel() == "log likelihood (nats per example)"
        spread = float(table.log_likelihood.sel(beta=1.0, latent_size=4).std("seed", ddof=1))
        said = texts(axes)[BETAS.index(1.0) * 4 + SIZES.index(4)].replace("−", "-")  # noqa: RUF001
        mean, error = map(float, re.findall(r"-?[\d.]+", said))
        assert mean == pytest.approx(float(expected.sel(beta=1.0, latent_size=4)), abs=0.06)
        assert error == pytest.approx(spread, abs=0.06)

    def test_any_column_has_its_unit_and_a_cell_of_nobody_is_empty(self, table):
        axes, bar = drawn(figures.heat_map(table, "active_units"))
        assert bar.get_ylabel() == "active units (latents)"
        assert texts(axes)[0] == "2\n± 0"
        none = table.assign(status=table.status.where(table.latent_size != 2, "diverged"))
        axes, _ = drawn(figures.heat_map(none))
        assert texts(axes)[0] == "–"  # noqa: RUF001

    def test_grids_without_these_axes_are_maps_too(self, table):
        for one in (
            table.isel(beta=0, drop=True),
            table.isel(latent_size=0, drop=True),
            table.isel(beta=[0], seed=[0]),
        ):
            drawn(figures.heat_map(one))
        stacked = table.stack(point=("beta", "latent_size", "seed")).reset_index("point")
        axes, _ = drawn(figures.heat_map(stacked.drop_vars("history_validation")))
        np.testing.assert_allclose(
            np.asarray(axes.images[0].get_array()), table.log_likelihood.mean("seed").transpose("beta", "latent_size")
        )


def test_rate_distortion_has_a_disc_for_each_member_and_the_front_of_settings(table):
    (axes,) = drawn(figures.rate_distortion(table, answer()))
    assert axes.get_xlabel() == "rate (nats per example)"
    (discs, *_) = axes.collections
    found = {tuple(row) for row in np.asarray(discs.get_offsets()).round(9).tolist()}
    ok = table.status.values == "ok"
    assert found == set(zip(table.rate.values[ok].round(9), table.distortion.values[ok].round(9), strict=True))
    (front,) = [line for line in axes.lines if line.get_label() == "front"]
    points = vj.pareto(table).front
    np.testing.assert_allclose(front.get_xdata(), [point.rate for point in points])
    np.testing.assert_allclose(front.get_ydata(), [point.distortion for point in points])
    (ring,) = [line for line in axes.lines if line.get_label() == "chosen"]
    chosen = table.sel(beta=0.5, latent_size=8, seed=1)
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (float(chosen.rate), float(chosen.distortion))
    for line in axes.lines:  # of one ELBO each
        if line.get_label().startswith("_"):
            assert np.ptp(np.asarray(line.get_xdata()) + np.asarray(line.get_ydata())) == pytest.approx(0, abs=1e-9)


def test_latent_sizes_show_means_bars_seeds_and_the_margin(table):
    whole, close = drawn(figures.latent_sizes(table, answer()))
    assert whole.get_ylabel() == "log likelihood (nats per example)"
    bars = {bar.get_label(): bar for bar in whole.containers}
    assert list(bars) == ["beta 0.5", "beta 1", "beta 4"]
    mean = table.log_likelihood.sel(beta=0.5).mean("seed")
    np.testing.assert_allclose(np.asarray(bars["beta 0.5"][0].get_ydata(), float), mean)
    ends = np.array([segment[:, 1] for segment in bars["beta 0.5"][2][0].get_segments()])
    spread = table.log_likelihood.sel(beta=0.5).var("seed", ddof=1) / 2
    np.testing.assert_allclose(np.ptp(ends, axis=1) / 2, np.sqrt(0.3**2 + spread))
    band = whole.patches[0]
    best = float(table.log_likelihood.mean("seed").max())
    assert (band.get_y(), band.get_y() + band.get_height()) == (pytest.approx(best - 1), pytest.approx(best))
    assert close.get_ylim()[0] > whole.get_ylim()[0]  # the margin is small beside the worst
    assert sum(line.get_marker() == "." for line in whole.lines) == 3
    assert sum(len(line.get_xdata()) for line in whole.lines if line.get_marker() == ".") == 23


def test_further_axes_are_those_of_the_chosen_member(table):
    wide = xr.concat(
        [table, table.assign(log_likelihood=table.log_likelihood - 40)], xr.DataArray([8, 64], dims="width")
    )
    figure = figures.latent_sizes(wide.assign_coords(width=[8, 64]), answer(member={**answer().member, "width": 64}))
    (bar, *_) = figure.axes[0].containers
    np.testing.assert_allclose(
        np.asarray(bar[0].get_ydata(), float), table.log_likelihood.sel(beta=0.5).mean("seed") - 40
    )
    assert figure.get_suptitle() == "at width 64"


def test_curves_are_the_histories_as_far_as_they_go(table):
    (axes,) = drawn(figures.curves(table, answer()))
    assert axes.get_ylabel() == "held-out ELBO (nats per example)"
    assert len(axes.lines) == 23
    thick = axes.lines[-1]
    np.testing.assert_allclose(
        np.asarray(thick.get_ydata()), table.history_validation.sel(beta=0.5, latent_size=8, seed=1)
    )
    assert thick.get_label() == "chosen"
    going = table[["history_validation", "status"]].isel(epoch=slice(5)).assign_attrs(epochs=20)
    (axes,) = drawn(figures.curves(going))
    assert axes.get_xlim() == (1.0, 20.0)
    assert max(line.get_xdata()[-1] for line in axes.lines) == 5
    drawn(figures.curves(going.isel(epoch=slice(0))))


PICTURES = RNG.random((9, 8, 8))
ROWS = tuple(Traversed(at, rate, np.linspace(-2, 2, 9), PICTURES) for at, rate in ((4, 2.1), (0, float("nan"))))


class TestPortraits:
    def test_pictures_are_those_of_the_portrait_in_their_order(self):
        portrait = Portrait(PICTURES[:3], PICTURES, ROWS, PICTURES)
        axes = drawn(figures.reconstructions(portrait, 1 - PICTURES))
        shown = [np.asarray(one.images[0].get_array()) for one in axes]
        np.testing.assert_array_equal(shown, [*(1 - PICTURES[:3]), *PICTURES[:3]])
        np.testing.assert_array_equal(
            [one.images[0].get_array() for one in drawn(figures.samples(portrait, 5))], PICTURES[:5]
        )
        assert len(drawn(figures.interpolation(portrait))) == 9

    def test_traversals_name_their_latents_counted_from_one_and_their_values(self):
        axes = drawn(figures.traversals(Portrait(traversals=ROWS)))
        assert [axes[0].get_ylabel(), axes[9].get_ylabel()] == ["latent 5\n2.10 nats", "latent 1"]
        assert [one.get_title() for one in axes[:9]][::4] == ["−2.0", "0.0", "2.0"]  # noqa: RUF001

    def test_codes_are_coloured_by_label(self):
        points, labels = RNG.random((6, 2)), [3, 1, 3, 1, 1, 3]
        (axes,) = drawn(figures.codes(Portrait(codes=Codes(points, "the two latents")), labels))
        one, three = axes.collections
        assert (one.get_label(), three.get_label()) == ("1", "3")
        np.testing.assert_array_equal(three.get_offsets(), points[[0, 2, 5]])
        drawn(figures.codes(Portrait(codes=Codes(points, "the two latents"))))

    def test_rates_come_in_their_order_with_the_number_of_the_latent(self):
        (axes,) = drawn(figures.rates(Portrait(rates=np.array([0.5, 2.0, 1.0]))))
        assert [bar.get_height() for bar in axes.patches] == [2.0, 1.0, 0.5]
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "3", "1"]

    def test_what_is_no_picture_is_drawn_as_lines(self):
        lines = RNG.random((9, 30))
        rows = (Traversed(0, 1.0, np.linspace(-2, 2, 9), lines),)
        portrait = Portrait(lines[:3], lines, rows, lines)
        for figure in (
            figures.reconstructions(portrait, lines),
            figures.samples(portrait),
            figures.traversals(portrait),
        ):
            assert not any(axes.images for axes in drawn(figure))
        after, before = figures.reconstructions(portrait, 1 - lines).axes[0].lines
        np.testing.assert_array_equal(after.get_ydata(), lines[0])
        np.testing.assert_array_equal(before.get_ydata(), 1 - lines[0])

    @pytest.mark.parametrize("name", ["samples", "interpolation", "traversals", "codes", "rates"])
    def test_what_a_portrait_has_not_is_an_error(self, name):
        with pytest.raises(VaejaxError, match=f"no {name}"):
            getattr(figures, name)(Portrait(rates=np.zeros(0)))


def test_figures_do_not_depend_on_the_users_settings_and_leave_them_as_they_were(table):
    plain = png(figures.rate_distortion(table))
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "axes.facecolor": "red"}):
        before = dict(matplotlib.rcParams)
        assert png(figures.rate_distortion(table)) == plain
        assert dict(matplotlib.rcParams) == before


class TestNotebook:
    def test_a_result_shows_its_best_rows_and_a_picture(self, table):
        html = Result(table, (), (), ())._repr_html_()
        rows = re.findall(r"<tr><td>.*?</tr>", html)
        likelihood = np.sort(table.log_likelihood.values[np.isfinite(table.log_likelihood.values)])[::-1]
        said = [float(re.findall(r"<td>(.*?)</td>", row)[3].replace("−", "-")) for row in rows]  # noqa: RUF001
        assert said == pytest.approx(likelihood[:8].tolist(), abs=0.006)
        assert "24 members, of which 1 diverged" in html
        assert html.count("data:image/png;base64,") == 1
        assert len(html) < 100_000

    def test_names_are_shown_as_text(self, table):
        evil = "<script>alert(1)</script>"
        html = Result(table.rename(beta=evil), (), (), ())._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;" in html

    def test_an_answer_shows_its_sentence(self):
        nan = float("nan")
        one = Answer(None, None, nan, nan, nan, False, "Every <member> diverged.", (), (), {}, "", ())
        assert one._repr_html_() == "<div><p>Every &lt;member&gt; diverged.</p></div>"

    def test_all_diverged_and_a_table_of_one_are_shown_too(self, table):
        gone = table.assign(status=table.status.where(False, "diverged"))
        assert "24 diverged" in Result(gone, (), (), ())._repr_html_()
        one = Result(table.isel(beta=[0], latent_size=[0], seed=[0]), (), (), ())._repr_html_()
        assert "data:image" not in one
