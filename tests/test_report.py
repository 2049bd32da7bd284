"""The page answers, hides no member, loads nothing, and stands whatever the grid looks like, before any script runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from pages import AXES, NOBODY, Answer, grid, points, shown

from vaejax.answer import Paid
from vaejax.errors import OutputError
from vaejax.report import Shown, page, write


@pytest.fixture(scope="module")
def full() -> str:
    return page(shown())


def own(text: str) -> str:
    """The page without the chart library."""
    (library,) = re.findall(r"<script>((?:(?!</script>).)*vegaEmbed=(?:(?!</script>).)*)</script>", text, flags=re.S)
    return text.replace(library, "")


def rows(text: str) -> list[str]:
    return re.findall(r"<tr id=.*?</tr>", text)


def cells(row: str) -> list[str]:
    return re.findall(r"<td[^>]*>(.*?)</td>", row)


def heads(text: str) -> list[str]:
    table = text[text.index('id="members"') :]
    return re.findall(r'<th scope="col"[^>]*>([^<]*)', table[: table.index("</thead>")])


def data_of(text: str) -> dict:
    """What the script is told."""
    return json.loads(re.search(r'id="data">(.*?)</script>', text, flags=re.S)[1])


def title(text: str) -> str:
    return re.search(r'<h1 class="answer">(.*?)</h1>', text)[1]


def test_nothing_is_loaded(full):
    text = own(full)
    assert "@import" not in text
    loads = re.findall(
        r"(?:\ssrc|\shref)=\"([^\"]*)\"|url\(([^)]*)\)", re.sub(r"<script.*?</script>", "", text, flags=re.S)
    )
    assert loads
    assert all((one or two).startswith("#") for one, two in loads)
    assert re.search(r"<link|<iframe|<object|<script src|<img", text) is None
    assert "default-src 'none'" in text
    assert all(src.startswith("data:image/") for src in re.findall(r'"src":"(.{11})', text))


def test_ids_are_unique_and_every_anchor_has_its_place(full):
    text = re.sub(r"<script.*?</script>", "", full, flags=re.S)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)', text)) <= set(ids)


def test_sixty_members_with_pictures_are_under_5_mb():
    from pages import portrait

    axes = {"beta": [0.5, 1.0, 2.0, 4.0], "latent_size": [2, 4, 8, 16, 32], "seed": [0, 1, 2]}
    for shape in ((28, 28), (64, 64, 3)):
        some = [portrait(shape, latents=8, seed=seed) for seed in range(3)]
        text = page(shown(grid(axes), shape=shape, portraits={place: some[place % 3] for place in range(60)}))
        assert len(text.encode()) < 5_000_000
        assert len(data_of(text)["pictures"][0]["members"]) == 60


def test_five_hundred_members_are_under_5_mb_and_all_in_the_table():
    axes = {
        "beta": [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0],
        "latent_size": [1, 2, 4, 8, 16, 24, 32, 48, 64],
        "seed": list(range(8)),
    }
    text = page(shown(grid(axes, drift=0.2), shape=(96, 96, 3)))
    assert len(text.encode()) < 5_000_000
    assert len(rows(text)) == 7 * 9 * 8


def test_every_member_is_in_the_table_once(full):
    found = [tuple(cells(row)[:3]) for row in rows(full)]
    expected = {(f"{b:g}", str(s), str(k)) for b in AXES["beta"] for s in AXES["latent_size"] for k in AXES["seed"]}
    assert len(found) == 40
    assert set(found) == expected


def test_every_number_of_the_table_is_that_of_the_data_set():
    data = grid()
    text = page(Shown(data, Answer()))
    at = heads(text).index("rate") - 1
    raw = [re.findall(r'<td data-value="([^"]*)"', row)[at] for row in rows(text)]
    np.testing.assert_allclose(np.array(raw, float), data["rate"].values.reshape(-1), rtol=1e-6)
    assert [cells(row)[at] for row in rows(text)] == [f"{value:.2f}" for value in data["rate"].values.reshape(-1)]


def test_chosen_and_diverged_members_are_marked_once(full):
    chosen = [row for row in rows(full) if 'class="chosen"' in row]
    assert len(chosen) == 1
    assert cells(chosen[0])[:3] == ["1", "16", "0"]
    diverged = [row for row in rows(full) if 'class="diverged"' in row]
    assert len(diverged) == 1
    assert "nan" not in diverged[0]
    assert set(cells(diverged[0])[3:]) == {"–"}  # noqa: RUF001


def test_a_member_whose_measures_are_not_finite_is_one_that_diverged():
    """Though its training was finite, as its table says."""
    data = grid({"beta": [1.0, 4.0]})
    bad = data.assign(elbo=data["elbo"].where(data["beta"] == 1.0))
    marked = [re.findall('class="mark">([^<]*)', row) for row in rows(page(Shown(bad)))]
    assert marked == [[], ["diverged"]]


def test_a_float32_axis_still_finds_the_chosen_member():
    data = grid({"beta": np.array([0.1, 0.3], np.float32), "latent_size": [4, 8]})
    answer = Answer(0.1, 8, gap_nats=np.asarray(0.84), gap_se=np.float32(0.06), member={"beta": 0.1, "latent_size": 8})
    text = page(Shown(data, answer))
    assert "0.84 ± 0.06 nats" in text
    assert re.findall(r'<tr id="row-(\d+)"[^>]* class="chosen"', text) == ["1"]
    assert "0.1000" not in text


def test_hostile_names_are_text():
    evil = '<script>alert("x")</script>$\\frac{$'
    data = grid({evil: ["<img src=x>", "b&b"], "beta": [1.0], "latent_size": [2, 4]})
    data = data.assign_coords(latent_size=["2", evil])
    data.attrs |= {"name": evil, "formula": "</style>" + evil}
    member = {evil: "<img src=x>", "latent_size": evil}
    answer = Answer(None, evil, reason=evil, warnings=(evil,), member=member, candidates=(evil,))
    text = page(Shown(data, answer, missing=(evil,), facts={evil: evil}, commands={0: evil}, name=evil))
    assert "<script>alert" not in text
    assert "<img" not in own(text)
    assert text.count("</style>") == 1
    assert text.count("</script>") == 3
    assert text.count("&lt;script&gt;alert(&#34;x&#34;)") > 6
    assert len(rows(text)) == 4
    assert data_of(text)["members"][0]["command"] == evil


def test_decided_answer_is_one_sentence(full):
    assert title(full) == "Use latent size 16 and beta 1."
    assert "<title>Use latent size 16 and beta 1.</title>" in full
    assert "0.84 ± 0.06 nats" in full
    assert "Not decided" not in re.sub(r"<script.*?</script>", "", full, flags=re.S)


def test_the_best_of_all_has_no_gap():
    text = page(Shown(grid(), Answer(gap_nats=0.0, gap_se=0.0)))
    assert '<dt>Gap</dt><dd class="value">none</dd>' in text
    assert "0.00 ± 0.00" not in text.split('id="grid"')[0]


def test_what_each_size_costs_is_a_table_and_that_of_the_answer_is_marked():
    sizes = (
        Paid(8, 0.5, 7.1, 0.5, 6.2, 0.4, 2, 18.2, 76.0, 8.0),
        Paid(16, 1.0, 0.9, 0.06, 0.0, 0.0, 3, 21.0, 70.0, 11.5),
        Paid(32, 1.0, 0.0, 0.0, -0.9, 0.06, 3, None, None, None),
    )
    text = page(Shown(grid(), Answer(sizes=sizes)))
    table = text[text.index('<section id="paid"') :]
    found = re.findall(r"<tr.*?</tr>", table[: table.index("</section>")], flags=re.S)[1:]
    told = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in found]
    assert told[0] == ["8", "0.5", "7.10", "0.50", "6.20", "0.40", "2", "18.20", "76.00", "8.0"]
    assert told[2][4:6] == ["−0.90", "0.06"]  # noqa: RUF001
    assert ["chosen" in row for row in found] == [False, True, False]
    assert '<section id="paid"' not in page(Shown(grid(), Answer(sizes=sizes[:1])))


def test_what_was_evaluated_is_a_column_with_how_it_was_got_and_what_was_not_is_told_with_the_reason():
    data = grid({"beta": [0.5, 1.0], "latent_size": [8, 16], "seed": [0, 1]})
    numbers = np.arange(8.0).reshape(2, 2, 2)
    numbers[1, 1, 0] = np.nan
    data["mig"] = (data["status"].dims, numbers, {"description": "a <gap>, 0 to 1"})
    data["by_latent"] = ((*data["status"].dims, "latent"), np.zeros((2, 2, 2, 3)))
    data.attrs |= {"evaluated": "mig by_latent", "not_measured": "ssim: <no> images"}
    text = page(Shown(data, Answer()))
    at = heads(text).index("mig") - 1
    assert [cells(row)[at] for row in rows(text)] == ["0", "1", "2", "3", "4", "5", "–", "7"]  # noqa: RUF001
    assert "by latent" not in heads(text)
    assert 'title="a &lt;gap&gt;, 0 to 1"' in text
    assert "<li>ssim: &lt;no&gt; images</li>" in text
    (measure,) = [one for one in data_of(text)["measures"] if one["key"] == "mig"]
    assert measure["how"] == "a <gap>, 0 to 1"


def test_undecided_answer_says_so_and_what_remains():
    text = page(Shown(grid(), Answer(decided=False, candidates=(16, 32))))
    assert title(text) == "Not decided yet: latent size 16 or 32, beta 1."
    assert "Ahead so far" in text


@pytest.mark.parametrize(("drift", "warned"), [(0.0999, False), (0.1, True), (-0.3, True)])
def test_short_training_is_warned_of_exactly_when_the_bound_moved(drift, warned):
    data = grid({"beta": [1.0], "latent_size": [8, 16]}, drift=0.0)
    data["drift"][0, 1] = drift
    text = page(Shown(data, Answer(member={"beta": 1.0, "latent_size": 16})))
    assert ("Perhaps not long enough" in text) == warned
    assert ("changed by less than 0.1 nats" in text) != warned
    if warned:
        assert f"beta 1, latent size 16 ({drift:+.2f} nats)".replace("-", "−") in text  # noqa: RUF001
        assert "The chosen member is one of them." in text
        assert ("Train longer" in text) == (drift > 0)


def test_all_diverged():
    text = page(Shown(grid(diverged=tuple(range(40))), NOBODY))
    assert title(text) == "No answer: every member diverged."
    assert len(rows(text)) == 40
    assert data_of(text)["rows"] == []


@pytest.mark.parametrize(
    ("data", "answer", "expected", "num"),
    [
        (
            grid({"beta": [1.0], "latent_size": [16]}),
            Answer(member={"beta": 1.0, "latent_size": 16}),
            "latent size 16",
            1,
        ),
        (grid({}), Answer(None, None, member={}), "No answer", 1),
        (grid({"latent_size": [2, 4]}), Answer(None, 4, member={"latent_size": 4}), "Use latent size 4.", 2),
        (grid({"beta": [1, 2]}), Answer(1, None, member={"beta": 1}), "Use beta 1.", 2),
        (
            grid({"likelihood": ["normal", "binomial"], "learning_rate": [1e-3, 1e-4]}),
            Answer(None, None, member={"likelihood": "binomial", "learning_rate": 1e-3}),
            "Use likelihood binomial and learning rate 0.001.",
            4,
        ),
        (points(), Answer(member={"beta": 1.0, "latent_size": 16, "seed": 0}), "Use latent size 16 and beta 1.", 3),
    ],
    ids=["one", "no_axes", "no_beta", "no_latent_size", "strings", "points"],
)
def test_any_grid_renders(data, answer, expected, num):
    text = page(Shown(data, answer))
    assert expected in title(text)
    assert len(rows(text)) == num
    assert len(data_of(text)["chosen"]) == bool(answer.member)
    several = len(set(data.coords["latent_size"].values.tolist())) > 1 if "latent_size" in data.coords else False
    assert ('<section id="sizes"' in text) == several


def test_only_what_was_measured_is_shown():
    text = page(Shown(grid()[["elbo", "rate", "distortion", "status"]], Answer()))
    assert "log likelihood" not in heads(text)
    assert {"ELBO", "rate", "distortion"} <= set(heads(text))
    assert '<section id="curves"' not in text
    assert len(rows(text)) == 40


def test_members_of_further_grids_follow_and_a_measure_that_one_lacks_is_a_dash():
    first, second = grid(), grid({"beta": [2.0], "latent_size": [12], "seed": [0, 1]}, epochs=10)
    answer = Answer(beta=2.0, latent_size=12, member={"beta": 2.0, "latent_size": 12, "seed": 1})
    text = page(Shown(first, answer, rounds=(second.drop_vars("rate"),)))
    assert len(rows(text)) == 42
    assert data_of(text)["chosen"] == [41]
    at = heads(text).index("rate") - 1
    assert [cells(row)[at] for row in rows(text)[-2:]] == ["–", "–"]  # noqa: RUF001
    drawn = {row["epoch"]: row["bound"] for row in data_of(text)["curves"] if row["id"] == 41}
    assert list(drawn) == list(range(1, 11))
    assert list(drawn.values()) == pytest.approx(second["history_validation"].values[0, 0, 1], rel=1e-6)


def test_runs_are_told_apart_and_compared():
    text = page(
        Shown(grid(), Answer(), name="mine"), Shown(grid({"beta": [1.0], "width": [64, 128]}), NOBODY, name="mine")
    )
    told = data_of(text)
    assert [axis["key"] for axis in told["axes"]] == ["run", "beta", "latent_size", "seed", "width"]
    assert told["axes"][0]["values"] == ["mine (1)", "mine (2)"]
    assert len(told["members"]) == 42
    assert told["members"][41]["place"] == [1, 2, None, None, 1]
    assert told["members"][41]["label"] == "mine (2): beta 1, width 128"
    assert len(re.findall(r'class="answer"', text)) == 2
    assert re.findall(r'class="eyebrow">vaejax · <b>(.*?)</b>', text) == ["mine (1)", "mine (2)"]
    assert 'id="chart-trade"' in text
    assert "cannot be compared" not in text


def test_runs_of_different_data_are_not_to_be_compared():
    other = grid().assign_attrs(preparation="drawn anew each time")
    text = page(Shown(grid(), Answer(), name="a"), Shown(other, Answer(), name="b"))
    assert "b: binarized MNIST, drawn anew each time): their nats cannot be compared." in text


def test_a_run_that_goes_on_says_what_is_missing_and_shows_its_curves():
    data = grid()[["history_validation", "status"]]
    text = page(Shown(data, missing=("Training has come to epoch 12 of 40.",)))
    assert title(text) == "No answer yet."
    assert "<li>Training has come to epoch 12 of 40.</li>" in text
    assert '<section id="curves"' in text
    assert '<section id="trade"' not in text
    assert "Divergence" not in text


def test_colours_stand_out_by_day_and_by_night():
    from vaejax.report._style import DAY, NIGHT, shades

    def light(colour: str) -> float:
        parts = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        return float(
            np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]
        )

    for shade in shades(9, *DAY):
        assert (light("#fcfcfa") + 0.05) / (light(shade) + 0.05) >= 3
    for shade in shades(9, *NIGHT):
        assert (light(shade) + 0.05) / (light("#14171a") + 0.05) >= 3


def test_equal_inputs_give_equal_bytes_whatever_the_users_matplotlibrc(full):
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "axes.grid": True}):
        assert page(shown()) == full


def test_write_is_all_or_nothing(tmp_path: Path):
    path = tmp_path / "new" / "report.html"
    one = Shown(grid({"beta": [1.0]}, diverged=(0,)), NOBODY)
    write(path, one)
    assert path.read_text(encoding="utf-8") == page(one)
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="taken"):
        write(tmp_path / "taken", one)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "taken"]
