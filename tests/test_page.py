"""What the page does, in headless Chromium: choosing, linking, sliders, sorting, both themes, a phone, print."""

from __future__ import annotations

import base64
import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from browsers import browser as browser
from pages import NOBODY, Answer, events, grid, portrait, shown

from vaejax.answer import Paid
from vaejax.report import Portrait, Shown, Traversed, _page, write

HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">'


class Opened:
    """A page that is open, and what it complained of or asked the network for."""

    def __init__(self, browser: Any, path: Path, *runs: Shown, **context: Any) -> None:
        write(path, *runs)
        self.path, self.context = path, browser.new_context(**context)
        self.page, self.wrong = self.context.new_page(), []
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._asked)
        self.go()

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("data:", "blob:", self.path.as_uri())):
            self.wrong.append(request.url)

    def go(self, hash_: str = "") -> None:
        self.page.goto("about:blank")
        self.page.goto(self.path.as_uri() + hash_)
        if self.context_runs_scripts():
            self.page.wait_for_function(
                "[...document.querySelectorAll('[data-chart]')].every(one => one.dataset.drawn)"
            )

    def context_runs_scripts(self) -> bool:
        return self.page.evaluate("document.querySelector('#heat tbody') !== null")

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def looked(self) -> list[str]:
        """The numbers of the members that are looked at, as each part of the page has them."""
        picks = self.page.locator("#slots [data-pick=a], #slots [data-slot=b] [data-pick]").all()
        return [str(int(pick.input_value()) + 1) for pick in picks]

    def has_rings(self, num: int) -> None:
        """Wait until so many members have a ring in both charts of members, which are drawn a moment later."""
        for chart in ("trade", "sizes"):
            rings = f"#chart-{chart} .mark-symbol path[fill=transparent][stroke='var(--ink)']"
            self.page.wait_for_function(
                "([rings, num]) => document.querySelectorAll(rings).length === num", arg=[rings, num]
            )


@pytest.fixture
def opened(browser, tmp_path):
    made = []

    def open_(*runs: Shown, **context: Any) -> Opened:
        made.append(Opened(browser, tmp_path / f"page{len(made)}.html", *(runs or (shown(),)), **context))
        return made[-1]

    yield open_
    for one in made:
        one.page.wait_for_timeout(50)
        one.context.close()
        assert one.wrong == []


def pixels(source: str) -> np.ndarray:
    """A picture of a page, grey, 0 to 1."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).convert("L"), float) / 255


def cell(row: int, column: int) -> str:
    return f'#heat button[data-row="{row}"][data-column="{column}"]'


def test_it_opens_at_what_the_answer_chose(opened):
    one = opened()
    assert one.looked() == ["27"]
    assert "Member 27" in one.text("#card h3")
    assert one.page.locator(cell(3, 2)).get_attribute("data-slot") == "a"
    assert one.page.locator("#row-26").get_attribute("data-slot") == "a"
    one.has_rings(1)


def test_choosing_a_cell_changes_every_part_and_the_address_which_opens_there_again(opened):
    one = opened()
    one.page.click(cell(1, 0))
    (number,) = one.looked()
    data = grid(diverged=(7,))
    best = int(data["log_likelihood"].values[0, 1].argmax())  # beta 0.25, latent size 4
    assert number == str(2 + best + 1)
    assert f"beta 0.25, latent size 4, seed {best}" in one.text("#card")
    assert one.page.locator(f"#row-{2 + best}").get_attribute("data-slot") == "a"
    assert one.page.url.endswith(f"#a={number}")
    one.go(f"#a={number}&b=1")
    assert one.looked() == [number, "1"]


def test_a_second_member_is_laid_beside_by_shift_or_by_the_list_and_taken_away_again(opened):
    one = opened()
    one.page.click(cell(0, 0), modifiers=["Shift"])
    assert len(one.looked()) == 2
    assert one.page.locator("#slots .slot").count() == 2
    one.has_rings(2)
    one.page.select_option("#slots [data-slot=b] [data-pick]", "4")
    assert one.looked() == ["27", "5"]
    one.page.locator("#members button.link").nth(4).click()  # the one beside it: they change places
    assert one.looked() == ["5", "27"]
    one.page.locator("#members button.link").nth(4).click(modifiers=["Shift"])  # beside itself is beside nobody
    assert one.looked() == ["5"]
    one.page.select_option("#slots [data-slot=a] [data-pick=a]", "26")
    one.page.select_option("#slots [data-slot=a] [data-pick=b]", "4")
    assert one.looked() == ["27", "5"]
    one.page.select_option("#slots [data-slot=b] [data-pick]", "")
    assert one.looked() == ["27"]


def test_a_click_into_a_chart_chooses_the_member_that_is_drawn_there(opened):
    one = opened()
    for chart in ("trade", "sizes"):
        disc = one.page.locator(f"#chart-{chart} .mark-symbol.role-mark path[fill^='var(--c']").nth(5)
        told = one.page.evaluate("element => element.__data__.datum.id", disc.element_handle())
        disc.click(force=True)
        assert one.looked() == [str(told + 1)]


def test_arrow_keys_move_in_the_grid_and_along_a_chart(opened):
    one = opened()
    one.page.locator(cell(3, 2)).focus()
    one.page.keyboard.press("ArrowUp")
    one.page.keyboard.press("ArrowLeft")
    one.page.keyboard.press("Enter")
    assert one.page.locator(cell(2, 1)).get_attribute("data-slot") == "a"
    rates = grid(diverged=(7,))["rate"].values.reshape(-1)
    one.page.locator("#chart-trade").focus()
    before = int(one.looked()[0]) - 1
    one.page.keyboard.press("ArrowRight")
    after = int(one.looked()[0]) - 1
    above = np.where(rates > rates[before], rates, np.inf)
    assert after == int(np.nanargmin(above))
    assert f"member {after + 1}:" in one.text("#said")


def test_everything_can_be_reached_by_the_tab_key(opened):
    one = opened()
    seen = set()
    for _ in range(140):
        one.page.keyboard.press("Tab")
        seen.add(one.page.evaluate("(document.activeElement.closest('[id]') || {}).id"))
    charts = {"chart-trade", "chart-sizes", "chart-curves"}
    assert charts | {"theme", "heat", "heat-picks", "slots", "members", "all-members"} <= seen


@pytest.mark.parametrize("measure", ["log_likelihood", "rate", "drift"])
def test_cells_hold_the_mean_over_seeds_and_their_standard_deviation(opened, measure):
    one, data = opened(), grid(diverged=(7,))
    one.page.locator("#heat-picks select").first.select_option(measure)
    values = data[measure].transpose("latent_size", "beta", "seed").values
    for (row, column), mean in np.ndenumerate(np.nanmean(values, 2)):
        seeds = values[row, column][np.isfinite(values[row, column])]
        told = one.text(cell(row, column)).replace("−", "-").split("±")  # noqa: RUF001
        assert float(told[0]) == pytest.approx(mean, abs=0.00501)
        assert len(told) == (2 if len(seeds) > 1 else 1)
        if len(seeds) > 1:
            assert float(told[1]) == pytest.approx(seeds.std(ddof=1), abs=0.00501)


def test_further_axes_are_held_where_the_member_has_them_and_any_two_are_shown(opened):
    axes = {"beta": [0.5, 1.0], "latent_size": [2, 4], "width": [64, 128, 256]}
    member = {"beta": 1.0, "latent_size": 4, "width": 128}
    one = opened(Shown(grid(axes), Answer(1.0, 4, member=member)))
    held = one.page.locator("#heat-picks select").nth(3)
    assert held.input_value() == "1"
    assert one.page.locator(cell(1, 1)).get_attribute("class") == "star"
    one.page.locator("#members button.link").nth(0).click()
    assert one.page.locator("#heat-picks select").nth(3).input_value() == "0"  # it follows the member
    one.page.locator("#heat-picks select").nth(1).select_option("2")
    assert one.page.locator("#heat thead th[scope=col]").all_inner_texts() == ["64", "128", "256"]


def test_the_table_sorts_by_value_both_ways_with_what_is_not_known_last(opened):
    one, rates = opened(), grid(diverged=(7,))["rate"].values.reshape(-1)
    button = one.page.locator("#members thead button", has_text="rate").first
    for sign in (1, -1):
        button.click()
        ids = one.page.evaluate(
            "[...document.querySelectorAll('#members tbody tr')].map(row => Number(row.dataset.id))"
        )
        assert ids[-1] == 7
        assert (np.diff(sign * rates[ids[:-1]]) >= 0).all()
    assert one.page.locator("[aria-sort=descending]").count() == 1


def test_the_csv_that_is_downloaded_holds_every_number(opened):
    data = grid()
    data.attrs["name"] = "=1+1"
    one = opened(Shown(data, Answer()))
    with one.page.expect_download() as download:
        one.page.click("[data-csv=members]")
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
    assert rows[0][:5] == ["member", "beta", "latent size", "seed", "log likelihood (nats)"]
    found = np.array([row[rows[0].index("rate (nats)")] for row in rows[1:]], float)
    np.testing.assert_allclose(found, data["rate"].values.reshape(-1), rtol=1e-6)
    assert download.value.suggested_filename == "1-1-members.csv"


def test_what_sizes_cost_is_sorted_and_downloaded_too(opened):
    gaps = {2: 9.5, 4: 3.0, 8: 0.0}
    sizes = tuple(Paid(size, 1.0, gap, 0.1, gap - 3, 0.2, 2, 20.0, 80.0, 4.0) for size, gap in gaps.items())
    one = opened(Shown(grid(), Answer(sizes=sizes)))
    one.page.locator("#costs thead button", has_text="loses").click()
    assert one.page.locator("#costs tbody th").all_inner_texts() == ["8", "4", "2"]
    with one.page.expect_download() as download:
        one.page.click("[data-csv=costs]")
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
    assert rows[0][:4] == ["latent size", "beta (its best)", "loses to the best (test, nats)", "± s.e. (nats)"]
    assert [row[2] for row in rows[1:]] == ["0", "3", "9.5"]


def test_an_address_that_is_pasted_into_the_open_page_is_followed(opened):
    one = opened()
    one.page.evaluate("location.hash = '#a=3&b=7'")
    one.page.wait_for_function("document.querySelectorAll('#slots .slot').length === 2")
    assert one.looked() == ["3", "7"]


def test_a_name_that_a_spreadsheet_would_run_is_text_in_the_csv(opened):
    data = grid({"net": ["=cmd()", "-1", 'a "b", c']})
    one = opened(Shown(data, NOBODY))
    with one.page.expect_download() as download:
        one.page.click("[data-csv=members]")
    rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
    assert [row[1] for row in rows[1:]] == ["'=cmd()", "-1", 'a "b", c']


def test_names_that_contain_html_are_text(opened):
    data = grid({HOSTILE: [HOSTILE, "b"], "latent_size": [2, 4]})
    data.attrs |= {"name": HOSTILE, "evaluated": "odd"}
    data["odd"] = (data["status"].dims, np.ones((2, 2)), {"description": HOSTILE})
    answer = Answer(None, 4, member={HOSTILE: HOSTILE, "latent_size": 4}, reason=HOSTILE, warnings=(HOSTILE,))
    run = Shown(data, answer, name=HOSTILE, commands={0: HOSTILE}, missing=(HOSTILE,), portraits={0: portrait()})
    one = opened(run, Shown(grid({}), NOBODY, name="</script>"))
    one.page.locator("#heat-picks select").first.select_option("odd")
    one.page.locator("#members button.link").nth(0).click()
    one.page.hover("#chart-trade .mark-symbol path >> nth=0", force=True)
    assert one.page.evaluate("window.hacked") is None
    assert one.page.locator("main img[src=x]").count() == 0
    assert HOSTILE in one.text("#card")


def test_colours_are_chosen_by_the_system_or_by_hand(opened):
    one = opened(color_scheme="dark")
    ground = lambda: one.page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    night = ground()
    one.page.click("#theme")  # light
    day = ground()
    one.page.click("#theme")  # dark
    assert ground() == night != day
    one.page.emulate_media(color_scheme="light")
    assert ground() == night
    one.page.click("#theme")  # as the system has them
    assert ground() == day


CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_is_readable_in_both_themes(opened, theme):
    one = opened(color_scheme=theme)
    one.page.click(cell(0, 0), modifiers=["Shift"])
    num, low = one.page.evaluate(CONTRAST)
    assert num > 400
    assert low == []


def test_that_text_of_little_contrast_would_be_found(opened):
    one = opened()
    one.page.add_style_tag(content=".lead { color: #bbb } text { fill: #ddd !important }")
    found = {text for _, text, _ in one.page.evaluate(CONTRAST)[1]}
    assert any(text.startswith("Doubling") for text in found)
    assert "distortion (nats)" in found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(opened, theme):
    from axe_playwright_python.sync_playwright import Axe

    one = opened(color_scheme=theme)
    one.page.click(cell(0, 0), modifiers=["Shift"])
    found = Axe().run(one.page).response["violations"]
    assert [(rule["id"], [node["html"][:160] for node in rule["nodes"][:3]]) for rule in found] == []


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_sticks_out_on_a_phone(opened, width):
    one = opened(viewport={"width": width, "height": 800})
    one.page.click(cell(0, 0), modifiers=["Shift"])
    one.page.wait_for_timeout(300)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    assert one.page.evaluate("[...document.querySelectorAll('.chart svg')].every(one => one.clientWidth <= innerWidth)")


def test_all_rows_are_printed_and_what_is_for_the_hand_is_not(opened):
    one = opened(color_scheme="dark")
    one.page.emulate_media(media="print", color_scheme="dark")
    assert one.page.locator(".bar").is_hidden()
    assert one.page.locator("#heat-picks").is_hidden()
    assert one.page.evaluate(
        "[document.querySelector('#members').parentElement].every(box => box.scrollHeight <= box.clientHeight + 1)"
    )
    assert one.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(one.page.pdf(format="A4")) > 20_000


def test_frames_move_with_the_slider_where_the_decoder_is_not_in_the_page(opened):
    one = opened()
    pixels = "document.querySelector('.live canvas').toDataURL()"
    one.page.wait_for_function("document.querySelector('.live canvas').width === 28")
    before = one.page.evaluate(pixels)
    slider = one.page.locator(".slider input").first
    slider.focus()
    for _ in range(3):
        one.page.keyboard.press("ArrowRight")
    one.page.wait_for_function(f"{pixels} !== {before!r}")
    assert one.text(".slider output") == "0.63"  # from the frame nearest to the code, at -1.25, three steps of 0.625
    assert "Frames that the library rendered" in one.text(".live + .caption")


@pytest.mark.parametrize(("shape", "marks"), [((13,), "rect"), ((40,), "polyline")])
def test_few_numbers_are_bars_and_many_are_lines(opened, shape, marks):
    one = opened(shown(shape=shape))
    assert one.page.locator("#slots .lines svg").count() == 12 + 32 + 9
    moving = lambda: one.page.locator("#slots .live svg").inner_html()  # noqa: E731
    assert one.page.locator(f"#slots .live {marks}").count() == (13 if marks == "rect" else 1)
    before = moving()
    one.page.locator(".slider input").first.focus()
    one.page.keyboard.press("End")
    assert moving() != before


def test_bars_are_as_high_as_their_numbers_from_zero(opened):
    values = np.array([[-1.0, 0.0, 2.0, 1.0]])
    one = opened(Shown(grid({}), Answer(None, None, member={}), portraits={0: Portrait(samples=values)}))
    heights = [float(bar.get_attribute("height")) for bar in one.page.locator("#slots rect.after").all()]
    low, high = np.quantile(values, [0.01, 0.99])
    expected = 50 * np.abs(np.clip((values[0] - low) / (high - low), -0.05, 1.05) + low / (high - low))
    np.testing.assert_allclose(heights, expected, atol=0.06)


def test_a_row_of_a_table_is_told_by_the_names_of_its_columns(opened):
    """As text, in numbers, each on its own scale; and they follow the slider."""
    names, size = ("age", "income, <b>EUR</b>", "height"), np.array([1.0, 1e4, 0.01])
    rows = np.linspace(0, 1, 9)[:, None] * size
    member = Portrait(rows[:2], rows, (Traversed(0, 1.0, np.linspace(-2, 2, 9), rows),), start=np.zeros(1))
    one = opened(Shown(grid({}), Answer(None, None, member={}), portraits={0: member}, examples=rows, entries=names))
    told = lambda: one.page.locator("#slots .live .bars").get_attribute("aria-label")  # noqa: E731
    bars = one.page.locator("#slots .live .bars i")
    wide = lambda: bars.evaluate_all("all => all.map(i => parseFloat(i.style.width))")  # noqa: E731
    assert told() == "age 0.5, income, <b>EUR</b> 5000, height 0.005"
    assert np.ptp(wide()) < 0.1
    assert wide()[0] == pytest.approx(50, abs=0.1)
    one.page.locator(".slider input").first.focus()
    one.page.keyboard.press("End")
    assert told().startswith("age 1, income, <b>EUR</b> 10000, height 0.01")
    assert wide()[0] == 100
    assert "Bars from left to right: age, income, <b>EUR</b>, height" in one.text("#slots")
    assert one.page.locator("#slots .live b").count() == 0
    heights = one.page.locator("#slots .lines").last.locator("svg").nth(8).locator("rect")
    assert {float(bar.get_attribute("height")) for bar in heights.all()} == {50.0}


def test_codes_are_drawn_with_their_labels(opened):
    one = opened()
    one.page.wait_for_selector(".codes[data-drawn]")
    assert one.page.locator(".codes .mark-symbol.role-mark path").count() == 50
    assert one.page.locator(".codes .role-legend-label text").count() == 10


def test_rates_are_told_the_largest_first(opened):
    one = opened()
    assert one.page.locator(".bars").first.get_attribute("aria-label") == (
        "Rate of each latent: latent 1 2.50, latent 2 1.30, latent 3 0.10 nats"
    )


def test_the_best_can_be_looked_at_close_up(opened):
    one = opened()
    ticks = lambda: one.page.locator("#chart-sizes .role-axis-label text").all_text_contents()  # noqa: E731
    before, old = ticks(), one.page.locator("#chart-sizes").inner_text()
    one.page.click("[data-zoom=best]")
    one.page.wait_for_function("old => document.querySelector('#chart-sizes').innerText !== old", arg=old)
    values = [float(text.replace("−", "-")) for text in ticks() if "−" in text]  # noqa: RUF001
    best = float(grid(diverged=(7,))["log_likelihood"].max())
    assert ticks() != before
    assert min(values) > best - 3.5


def test_runs_are_compared_on_one_page(opened):
    one = opened(shown(name="first"), Shown(grid({"beta": [1.0, 2.0], "latent_size": [4, 8]}), NOBODY, name="second"))
    assert one.page.locator(".answer").count() == 2
    one.page.locator("#heat-picks select").nth(3).select_option("1")
    assert one.page.locator("#heat button:not(:disabled)").count() == 4
    one.page.locator("#members button.link").last.click()
    assert "second: beta 2, latent size 8" in one.text("#card")


def test_a_run_that_goes_on_has_a_page(opened):
    one = opened(Shown(grid()[["history_validation", "status"]], missing=("Training has come to epoch 12 of 40.",)))
    last = grid()["history_validation"].isel(epoch=-1).mean("seed").sel(beta=1.0, latent_size=8)
    assert one.text(cell(2, 2)).split()[0].replace("−", "-") == f"{float(last):.2f}"  # noqa: RUF001
    assert "of the last state that training has come to" in one.text("#heat-note")
    assert one.page.locator("#chart-curves path").count() > 40
    one.page.click(cell(2, 2))
    best = int(grid()["history_validation"].isel(epoch=-1).sel(beta=1.0, latent_size=8).values.argmax())
    assert one.looked() == [str(25 + best)]


def test_members_without_numbers_say_why_and_the_best_so_far_is_opened(opened):
    """A run that goes on: one has diverged, the others of its beta have not begun."""
    whole = grid({"beta": [1.0, 4.0], "latent_size": [2, 8]}, diverged=(2,))
    history = whole.history_validation.where(whole.beta == 1)
    status = whole.status.copy(data=[["ok", "ok"], ["diverged", "not begun"]])
    one = opened(Shown(xr.Dataset({"history_validation": history, "status": status}, attrs=whole.attrs)))
    best = int(history.isel(epoch=-1).sel(beta=1).argmax("latent_size"))
    assert one.looked() == [str(best + 1)]
    assert [one.text(cell(j, 1)) for j in (0, 1)] == ["diverged", "not begun"]
    assert [one.page.locator(cell(j, 1)).get_attribute("aria-label").split(": ")[1] for j in (0, 1)] == [
        "diverged",
        "not begun",
    ]
    assert one.page.locator("[data-pick=a] option").all_inner_texts()[2:] == [
        "3: beta 4, latent size 2 (diverged)",
        "4: beta 4, latent size 8 (not begun)",
    ]
    assert [one.text(f"#row-{at} .mark") for at in (2, 3)] == ["diverged", "not begun"]
    assert "The bound on the validation split that each member has come to" in one.page.inner_text("main")
    assert "Importance-weighted" not in one.page.inner_text("#sizes")
    assert "4 members; 1 diverged; 1 not begun: these have no numbers." in one.page.inner_text("main")
    one.page.click(cell(1, 1))
    assert "It has no numbers: not begun." in one.text("#slots")


def test_a_run_of_which_all_diverged_has_a_page(opened):
    one = opened(Shown(grid(diverged=tuple(range(40))), NOBODY))
    assert "It diverged" in one.text("#slots")
    assert one.text(cell(0, 0)) == "diverged"


def test_without_scripts_the_answer_and_all_numbers_are_there(browser, tmp_path):
    one = Opened.__new__(Opened)
    write(tmp_path / "page.html", shown())
    one.context = browser.new_context(java_script_enabled=False)
    one.page = one.context.new_page()
    one.page.goto((tmp_path / "page.html").as_uri())
    assert one.text("h1") == "Use latent size 16 and beta 1."
    assert one.page.locator("#members tbody tr").count() == 40
    assert "need JavaScript" in one.text("noscript p")
    assert one.page.locator("#grid").is_hidden()
    assert one.page.locator("#paid, #made").first.is_visible()
    one.context.close()


def test_the_copy_holds_the_table(opened):
    one = opened(permissions=["clipboard-read", "clipboard-write"])
    one.page.click("[data-copy=members]")
    one.page.wait_for_selector("#all-members [role=status]:text-is('Copied.')")
    lines = one.page.evaluate("navigator.clipboard.readText()").splitlines()
    assert len(lines) == 41
    assert lines[1].split("\t")[:3] == ["1", "0.25", "2"]


def test_what_there_was_no_room_for_is_said(opened, monkeypatch):
    assert "no room" not in opened().text("#slots")
    monkeypatch.setattr(_page, "PICTURES", 30_000)
    assert "There was no room for the traversals of" in opened().text("#slots")


def test_pictures_are_those_of_the_member(opened):
    one = opened()
    one.page.locator("#members button.link").nth(1).click()
    style = one.page.locator('#slots [role=img][aria-label^="Samples"]').get_attribute("style")
    (source,) = re.findall(r"url\((.*?)\)", style)
    tile = pixels(source)[:28, :28]
    assert np.abs(tile - portrait(seed=2).samples[0]).mean() < 0.03


def test_the_live_decoder_paints_what_the_library_decodes(opened):
    """Against `vj.decode`: the sliders are moved, and the canvas is read back."""
    import jax
    import jax.numpy as jnp

    import vaejax as vj
    from vaejax.report import Traversed, live_of

    bits = vj.likelihoods.bernoulli()
    model = vj.vae(vj.nets.mlp(16), vj.nets.mlp(16), data_shape=(8, 8), latent_size=3, likelihood=bits)
    params = vj.init(jax.random.key(0), model, jnp.zeros((1, 8, 8)))
    params = jax.tree.map(lambda leaf: leaf + 0.4 * jax.random.normal(jax.random.key(leaf.size), leaf.shape), params)
    live = live_of(jax.random.key(1), model, params)
    start, values = np.array([0.5, -1.0, 0.25]), np.linspace(-2.5, 2.5, 9)
    rows = tuple(Traversed(k, 3.0 - k, values, np.zeros((9, 8, 8))) for k in (2, 0, 1))
    drawn = Portrait(samples=events((8, 8), 4), traversals=rows, start=start, live=live)
    one = opened(Shown(grid(diverged=(7,)), Answer(), portraits={26: drawn}))
    z = start.copy()
    for slider, latent, value in ((0, 2, -2.0), (2, 1, 1.75), (1, 0, 2.5)):
        one.page.locator(".slider input").nth(slider).fill(str(value))
        z[latent] = value
        seen = pixels(one.page.evaluate("document.querySelector('.live canvas').toDataURL()"))
        expected = np.asarray(vj.decode(model, params, jnp.asarray(z, jnp.float32)))
        assert np.abs(seen - expected).max() <= live.tolerance + 0.5 / 255
        assert expected.std() > 0.05
    (said,) = re.findall(r"within (\S+) of the library", one.text(".live + .caption"))
    assert float(said) == pytest.approx(live.tolerance, rel=0.06)
    one.page.click("text=Back to the example")
    seen = pixels(one.page.evaluate("document.querySelector('.live canvas').toDataURL()"))
    expected = np.asarray(vj.decode(model, params, jnp.asarray(start, jnp.float32)))
    assert np.abs(seen - expected).max() <= live.tolerance + 0.5 / 255
    assert one.page.locator(".slider input").nth(1).input_value() == "0.5"
