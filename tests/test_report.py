"""The report answers, hides no member, loads nothing, and stands whatever the grid looks like."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import xarray as xr

from vaejax import report
from vaejax.answer import Paid
from vaejax.errors import OutputError
from vaejax.report import Portrait, Shown, Traversed, write


class Answer(NamedTuple):
    beta: Any = 1.0
    latent_size: Any = 16
    margin_nats: float = 0.5
    gap_nats: float = 0.84
    gap_se: float = 0.06
    decided: bool = True
    reason: str = "Doubling the latents to 32 gains 0.11 nats per image, which is less than the margin of 0.5 nats."
    candidates: tuple = (16,)
    warnings: tuple = ()
    member: Any = {"beta": 1.0, "latent_size": 16, "seed": 0}  # noqa: RUF012
    sizes: tuple = ()


AXES = {"beta": [0.25, 0.5, 1.0, 4.0], "latent_size": [2, 4, 8, 16, 32], "seed": [0, 1]}


def grid(axes: dict | None = None, epochs: int = 40, drift: float | None = None, diverged: tuple = ()) -> xr.Dataset:
    """Numbers like those of a binarized MNIST: distortion falls and rate rises with latents, and beta trades them."""
    axes = AXES if axes is None else axes
    rng = np.random.default_rng(0)
    shape = tuple(len(values) for values in axes.values())
    dims = tuple(axes)
    mesh = dict(zip(dims, np.meshgrid(*axes.values(), indexing="ij"), strict=True))
    beta = np.asarray(mesh.get("beta", np.ones(shape)), float)
    size = np.asarray(mesh.get("latent_size", np.full(shape, 16)), float)
    capacity = 26 * (1 - np.exp(-size / 7)) * beta**-0.35
    rate = capacity + rng.normal(0, 0.12, shape)
    distortion = (
        68 + 130 * np.exp(-rate / 9.5) + 3 * (beta - 1) ** 2 / (1 + beta) + 0.03 * size + rng.normal(0, 0.25, shape)
    )
    elbo = -(rate + distortion)
    speed = 3 + 0.5 * np.log1p(size)
    when = np.arange(1, epochs + 1)
    fall = 90 * np.exp(-when / speed[..., None]) * (30 / when) ** 0.3
    history = elbo[..., None] - 0.4 - fall + fall[..., -1:] + rng.normal(0, 0.03, (*shape, epochs))
    change = 0.08 * rng.uniform(-1, 1, shape) if drift is None else np.full(shape, drift)
    variables = {
        "distortion": distortion,
        "rate": rate,
        "elbo": elbo,
        "log_likelihood": elbo + 1.8 + 0.06 * rate,
        "log_likelihood_se": np.full(shape, 0.29),
        "elbo_train": elbo + 1.1,
        "elbo_validation": elbo - 0.4,
        "active_units": np.minimum(size, np.round(20 / np.sqrt(beta))),
        "num_params": 783_000 + 1_230 * size,
        "best_epoch": np.full(shape, epochs - 2.0),
        "drift": change,
    }
    status = np.full(shape, "ok", dtype=object)
    bad = np.zeros(shape, bool)
    bad.reshape(-1)[list(diverged)] = True
    status[bad] = "diverged"
    history[bad] = np.nan
    data: dict = {key: (dims, np.where(bad, np.nan, values)) for key, values in variables.items()}
    data |= {"status": (dims, status), "history_validation": ((*dims, "epoch"), history)}
    coords = {**axes, "epoch": when}
    attrs = {
        "name": "binarized MNIST", "preparation": "fixed binarization (Larochelle 2011)", "num_train": 50_000,
        "num_validation": 10_000, "num_test": 10_000, "epochs": epochs, "batch_size": 128, "num_samples": 500,
        "formula": "-(distortion + beta * rate)", "likelihood": "bernoulli",
    }  # fmt: skip
    return xr.Dataset(data, coords, attrs)


def page(data: xr.Dataset, answer: Any, portrait: Portrait | None = None) -> str:
    """The page of a run of which the first member alone has pictures."""
    return report.page(Shown(data, answer, portraits={} if portrait is None else {0: portrait}))


def portrait(shape: tuple = (28, 28), num: int = 16) -> Portrait:
    """Noise in every place that a picture can have."""
    noise = np.random.default_rng(1).uniform(size=(num, *shape))
    row = Traversed(2, 2.1, np.linspace(-2, 2, num), noise)
    return Portrait(noise, noise, (row,), noise, np.ones(3), None, np.zeros(3))


NOBODY = Answer(None, None, 0.5, float("nan"), float("nan"), False, "Every member diverged.", (), (), {})
POINTS = {
    "beta": ("point", [0.5, 1.0, 1.0]),
    "latent_size": ("point", [16, 16, 32]),
    "seed": ("point", [0, 0, 0]),
}


def points() -> xr.Dataset:
    return grid({"point": [0, 1, 2]}).drop_vars("point").assign_coords(POINTS)


@pytest.fixture(scope="module")
def full() -> str:
    return page(grid(diverged=(7,)), Answer(), portrait())


def rows(text: str) -> list[str]:
    return re.findall(r"<tr id=.*?</tr>", text)


def test_nothing_is_loaded(full):
    assert "http://" not in full
    assert "https://" not in full
    assert "@import" not in full
    loads = re.findall(r"(?:\bsrc|\bhref|\bxlink:href)=[\"']?([^\"'>\s]+)|url\(([^)]*)\)", full)
    assert loads
    assert all((one or two).startswith(("#", "data:image/")) for one, two in loads)
    assert re.search(r"<link|<iframe|<object|<script src", full) is None


def test_ids_are_unique_and_every_anchor_has_its_place(full):
    ids = re.findall(r'\bid="([^"]+)"', full)
    assert len(ids) == len(set(ids))
    targets = re.findall(r'(?:href="#|url\(#)([^")]+)', full)
    assert set(targets) <= set(ids)


def test_forty_members_are_small(full):
    assert len(full.encode()) < 300_000


def test_every_member_is_in_the_table_once(full):
    cells = [tuple(re.findall(r"<td[^>]*>(.*?)</td>", row)[:3]) for row in rows(full)]
    expected = {(f"{b:g}", str(s), str(k)) for b in AXES["beta"] for s in AXES["latent_size"] for k in AXES["seed"]}
    assert len(cells) == 40
    assert set(cells) == expected


def test_every_member_with_numbers_names_itself_in_the_picture(full):
    wide = full[full.index('<svg class="picture wide"') : full.index('<svg class="picture narrow"')]
    assert sorted(int(k) for k in re.findall(r'<a href="#member-(\d+)"', wide)) == [k for k in range(1, 41) if k != 8]
    assert "<title>chosen: beta 1, latent size 16, seed 0\ndistortion " in wide


def test_chosen_and_diverged_members_are_marked_once(full):
    chosen = [row for row in rows(full) if 'class="chosen"' in row]
    assert len(chosen) == 1
    assert re.findall(r"<td>(.*?)</td>", chosen[0])[:3] == ["1", "16", "0"]
    diverged = [row for row in rows(full) if 'class="diverged"' in row]
    assert len(diverged) == 1
    assert "nan" not in diverged[0]
    assert diverged[0].count("<td>–</td>") == 10  # noqa: RUF001


def test_a_float32_axis_still_finds_the_chosen_member():
    data = grid({"beta": np.array([0.1, 0.3], np.float32), "latent_size": [4, 8]})
    answer = Answer(0.1, 8, gap_nats=np.asarray(0.84), gap_se=np.float32(0.06), member={"beta": 0.1, "latent_size": 8})
    text = page(data, answer)
    assert "0.84 ± 0.06 nats" in text
    assert text.count('<tr id="member-2" class="chosen">') == 1
    assert "0.100" not in text


def test_hostile_names_are_escaped():
    evil = '<script>alert("x")</script>$\\frac{$'
    data = grid({evil: ["<img src=x>", "b&b"], "beta": [1.0], "latent_size": [2, 4]})
    data = data.assign_coords(latent_size=["2", evil])
    data.attrs |= {"name": evil, "formula": "</style>" + evil}
    text = page(
        data,
        Answer(
            None,
            evil,
            reason=evil,
            warnings=(evil,),
            member={evil: "<img src=x>", "latent_size": evil},
            candidates=(evil,),
        ),
        portrait(),
    )
    assert "<script>alert" not in text
    assert "<img src=x>" not in text
    assert text.count("</style>") == 1
    assert text.count("&lt;script&gt;alert(&quot;x&quot;)") > 4
    assert len(rows(text)) == 4
    assert 'class="chosen"' in text


def test_decided_answer_is_one_sentence(full):
    sentence = re.sub("<.*?>", "", re.search(r"<h1>(.*?)</h1>", full)[1])
    assert sentence == "Use latent size 16 and beta 1."
    assert "0.84 ± 0.06 nats" in full
    assert "Not decided" not in full


def test_what_each_size_costs_is_a_table_and_that_of_the_answer_is_marked():
    sizes = (
        Paid(8, 0.5, 7.1, 0.5, 6.2, 0.4, 2, 18.2, 76.0, 8.0),
        Paid(16, 1.0, 0.9, 0.06, 0.0, 0.0, 3, 21.0, 70.0, 11.5),
        Paid(32, 1.0, 0.0, 0.0, -0.9, 0.06, 3, None, None, None),
    )
    text = page(grid(), Answer(sizes=sizes))
    table = text[text.index('id="paid"') :]
    found = re.findall(r"<tr.*?</tr>", table[: table.index("</section>")])[1:]
    told = [[re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in found]
    assert told[0] == ["8", "0.5", "7.10 ± 0.50", "6.20 ± 0.40", "2", "18.20", "76.00", "8.0"]
    assert told[2][3] == "−0.90 ± 0.06"  # noqa: RUF001
    assert ["chosen" in row for row in found] == [False, True, False]
    assert 'id="paid"' not in page(grid(), Answer(sizes=sizes[:1]))


def test_what_was_evaluated_is_told_of_each_size_at_its_best_setting_and_what_was_not_with_the_reason():
    data = grid({"beta": [0.5, 1.0], "latent_size": [8, 16], "seed": [0, 1]})
    numbers = np.arange(8.0).reshape(2, 2, 2)
    numbers[1, 1, 0] = np.nan  # a member that diverged has no say in the mean
    data["mig"] = (data["status"].dims, numbers, {"description": "a <gap>, 0 to 1"})
    data["by_latent"] = ((*data["status"].dims, "latent"), np.zeros((2, 2, 2, 3)))
    data.attrs |= {"evaluated": "mig by_latent", "not_measured": "ssim: <no> images"}
    places = ({"beta": 0.5, "latent_size": 8}, {"beta": 1.0, "latent_size": 16})
    sizes = tuple(Paid(p["latent_size"], p["beta"], *(0.0,) * 4, 2, None, None, None, p) for p in places)
    text = page(data, Answer(sizes=sizes))
    section = text[text.index('id="measures"') :]
    section = section[: section.index("</section>")]
    (row,) = re.findall(r"<tr>.*?</tr>", section[section.index("<tbody>") :])
    assert re.findall(r"<td>(.*?)</td>", row) == ["0.5", "7"]
    assert 'title="a &lt;gap&gt;, 0 to 1"' in row
    assert "<li>ssim: &lt;no&gt; images</li>" in section
    assert 'id="measures"' not in page(grid(), Answer(sizes=sizes))


def test_undecided_answer_says_so_and_what_remains():
    text = page(grid(), Answer(decided=False, candidates=(16, 32)))
    sentence = re.sub("<.*?>", "", re.search(r"<h1>(.*?)</h1>", text)[1])
    assert sentence == "Not decided yet: latent size 16 or 32, beta 1."
    assert "Use <b" not in text


@pytest.mark.parametrize(("drift", "warned"), [(0.0999, False), (0.1, True), (-0.3, True)])
def test_short_training_is_warned_of_exactly_when_the_bound_moved(drift, warned):
    data = grid({"beta": [1.0], "latent_size": [8, 16]}, drift=0.0)
    data["drift"][0, 1] = drift
    text = page(data, Answer(member={"beta": 1.0, "latent_size": 16}))
    assert ("Perhaps not." in text) == warned
    assert ("changed by less than 0.1 nats" in text) != warned
    if warned:
        assert f"beta 1, latent size 16: {drift:+.2f} nats".replace("-", "−") in text  # noqa: RUF001
        assert "The chosen member is one of them." in text
        assert ("Train longer" in text) == (drift > 0)


def test_all_diverged():
    text = page(grid(diverged=tuple(range(40))), NOBODY)
    assert "<h1>No answer: every member diverged.</h1>" in text
    assert len(rows(text)) == 40
    assert 'class="picture' not in text


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
    text = page(data, answer)
    assert expected in re.sub("<.*?>", "", re.search(r"<h1>(.*?)</h1>", text)[1])
    assert len(rows(text)) == num
    assert text.count(' class="chosen"') == bool(answer.member)
    several = len(set(data.coords["latent_size"].values.tolist())) > 1 if "latent_size" in data.coords else False
    assert ('id="latent-size"' in text) == several


def test_only_what_was_measured_is_shown():
    data = grid()[["elbo", "rate", "distortion", "status"]]
    text = page(data, Answer())
    assert "No drift" in text
    assert "log likelihood<small>" not in text
    assert len(rows(text)) == 40


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
        again = page(grid(diverged=(7,)), Answer(), portrait())
    assert again == full


def test_matplotlibs_settings_are_left_as_they_were():
    import matplotlib

    before = dict(matplotlib.rcParams)
    page(grid({"beta": [1.0, 2.0]}), Answer(member={"beta": 1.0}))
    assert dict(matplotlib.rcParams) == before


def test_write_is_all_or_nothing(tmp_path: Path):
    path = tmp_path / "new" / "report.html"
    data, answer = grid({"beta": [1.0]}, diverged=(0,)), NOBODY
    write(path, Shown(data, answer))
    assert path.read_text(encoding="utf-8") == page(data, answer)
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="taken"):
        write(tmp_path / "taken", Shown(data, answer))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "taken"]
