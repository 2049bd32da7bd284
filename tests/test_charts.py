"""What charts draw, against the table: fronts by brute force, lines of equal ELBO by definition, means by NumPy."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pages import NOBODY, Answer, grid

from vaejax.report import Shown
from vaejax.report._frames import limits
from vaejax.report._members import members
from vaejax.report._roster import roster
from vaejax.report._settled import settled
from vaejax.report._told import MOST_POINTS, _curves
from vaejax.report.charts import charts, rows, zooms
from vaejax.report.charts._sizes import sizes
from vaejax.report.charts._trade import trade


@pytest.fixture(scope="module")
def data():
    return grid(diverged=(7,))


@pytest.fixture(scope="module")
def found(data):
    return roster([Shown(data, Answer())])


def values_of(layer: dict) -> list[dict]:
    return layer["data"]["values"]


def test_the_front_is_who_nobody_beats(data, found):
    rate, distortion = (data[key].values.reshape(-1) for key in ("rate", "distortion"))
    known = [(r, d) for r, d in zip(rate, distortion, strict=True) if np.isfinite(r)]
    unbeaten = sorted((r, d) for r, d in known if not any((x <= r and y < d) or (x < r and y <= d) for x, y in known))
    front = [(row["rate"], row["distortion"]) for row in values_of(trade(found)["layer"][2])]
    assert front == unbeaten


def test_lines_of_equal_elbo_are_of_that_elbo_from_border_to_border(found):
    layers = trade(found)["layer"]
    across, up = (layers[3]["encoding"][axis]["scale"]["domain"] for axis in ("x", "y"))
    lines = values_of(layers[0])
    assert len(lines) > 3
    for line in lines:
        for end in ("0", "1"):
            x, y = line[f"x{end}"], line[f"y{end}"]
            assert np.isclose(x, across, atol=1e-9).any() or np.isclose(y, up, atol=1e-9).any()
        assert line["x0"] + line["y0"] == pytest.approx(line["x1"] + line["y1"])
        if line["text"]:
            told = float(re.sub("−", "-", line["text"].removeprefix("ELBO ").replace(",", "")))  # noqa: RUF001
            assert told == pytest.approx(-(line["x0"] + line["y0"]))
    assert any(line["text"] for line in lines)


def test_lines_between_sizes_are_means_over_seeds_with_the_errors_of_examples_and_seeds(data, found):
    drawn = values_of(sizes(found)["layer"][1])
    table = data["log_likelihood"].transpose("beta", "latent_size", "seed").values
    mean = {(row["hue"], row["latents"]): row for row in drawn}
    assert len(mean) == 20
    for (hue, size), row in mean.items():
        seeds = table[hue, data["latent_size"].values.tolist().index(size)]
        seeds = seeds[np.isfinite(seeds)]
        assert row["mean"] == pytest.approx(seeds.mean())
        spread = seeds.var(ddof=1) / len(seeds) if len(seeds) > 1 else 0.0
        error = np.sqrt(0.29**2 + spread)
        assert (row["up"] - row["mean"], row["mean"] - row["down"]) == pytest.approx((error, error))
    assert len({row["line"] for row in drawn}) == 4


def test_further_axes_have_lines_of_their_own_and_are_not_averaged():
    axes = {"beta": [1.0], "latent_size": [2, 4], "width": [64, 128], "seed": [0, 1]}
    drawn = values_of(sizes(roster([Shown(grid(axes), NOBODY)]))["layer"][1])
    assert len({row["line"] for row in drawn}) == 2
    assert len(drawn) == 4


def test_the_band_is_one_margin_deep_from_the_best_mean(data, found):
    (band,) = values_of(sizes(found)["layer"][0])
    best = float(data["log_likelihood"].mean("seed").max())
    assert (band["high"], band["low"]) == pytest.approx((best, best - 0.5))


def test_rows_hold_what_the_table_holds_of_members_with_numbers(data, found):
    drawn = {row["id"]: row for row in rows(found)}
    assert sorted(drawn) == [i for i in range(40) if i != 7]
    assert drawn[26]["rate"] == pytest.approx(float(data["rate"].values.reshape(-1)[26]), rel=1e-6)
    assert (drawn[26]["latents"], drawn[26]["hue"], drawn[26]["size"]) == (16, 2, 0.75)


def test_curves_are_thinned_and_keep_their_ends():
    found = roster([Shown(grid({"beta": [1.0, 2.0]}, epochs=500), NOBODY)])
    drawn = [row["epoch"] for row in _curves(found) if row["id"] == 1]
    assert len(drawn) == MOST_POINTS
    assert (drawn[0], drawn[-1]) == (1.0, 500.0)


def test_the_close_up_holds_six_margins_or_errors_below_the_best(data, found):
    low, high = zooms(found)["best"]
    best = float(data["log_likelihood"].max())
    assert best - low == pytest.approx(6 * 0.5)
    assert high > best


def test_far_outliers_do_not_set_the_scale():
    near = np.linspace(0, 1, 30)
    assert limits(np.append(near, 5.0)) == pytest.approx((-0.07, 1.07))
    assert limits(np.append(near, 2.0)) == pytest.approx((-0.14, 2.14))


def test_one_member_alone_has_its_chart():
    made = charts(roster([Shown(grid({}), NOBODY)]))
    assert {"trade", "curves"} <= set(made)
    assert "sizes" not in made


def test_sizes_that_are_no_numbers_stand_side_by_side():
    made = sizes(roster([Shown(grid({"latent_size": [2, 4]}).assign_coords(latent_size=["a", "b"]), NOBODY)]))
    assert made["layer"][3]["encoding"]["x"]["type"] == "ordinal"


def test_falling_members_are_told_from_rising_ones():
    data = grid({"beta": [1.0, 2.0]}, drift=0.0)
    data["drift"][:] = [-0.5, 0.05]
    assert "1 of 2 members changed" in settled(members(data, None))
    assert "They were falling" in settled(members(data, None))
