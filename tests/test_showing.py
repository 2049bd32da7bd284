"""What the report is fed with: finished runs, runs that go on, and damaged ones; and the commands it gives."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from stops import stopped_after

import vaejax as vj
from vaejax import cli, folder, report, saved, showing
from vaejax.commands import _run
from vaejax.config import Config
from vaejax.errors import VaejaxError
from vaejax.lines import command, command_of_member, places_of

SMALL = "--beta 1 4 --latent-size 1 2 --seeds 2 --first-seed 3 --epochs 3 --hidden 4 --batch-size 16 --num-samples 4"
HOSTILE = 'it\'s $(touch x) <b>"rows".npz'


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images of 4 x 4 with labels, in a file whose name a shell would make something of."""
    path = tmp_path_factory.mktemp("data") / HOSTILE
    rng = np.random.default_rng(0)
    rows = {name: rng.integers(0, 256, (num, 4, 4)).astype(np.uint8) for name, num in SPLITS.items()}
    labels = {f"{name}_labels": rng.integers(0, 3, num) for name, num in SPLITS.items()}
    with path.open("wb") as file:
        np.savez(file, **rows, **labels)
    return path


SPLITS = {"train": 48, "validation": 10, "test": 20}


def sweep(data, out, *more):
    return cli.main(["sweep", "--data", str(data), "--out", str(out), *SMALL.split(), *more])


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "<i>run"
    assert sweep(data, out) == 0
    return out


@pytest.fixture(scope="module")
def unfinished(data, tmp_path_factory):
    """Stopped in the middle; to be copied before it is used."""
    out = tmp_path_factory.mktemp("unfinished") / "out"
    with stopped_after(_run, 2):
        assert sweep(data, out) == 143
    return out


def copied(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "copy"))


def files_of(path):
    return {file.relative_to(path): file.stat().st_mtime_ns for file in path.rglob("*") if file.name != "report.html"}


class TestFinished:
    def test_every_member_has_a_portrait_and_examples_their_labels(self, finished, data):
        shown = showing.read_shown(finished)
        assert sorted(shown.portraits) == list(range(8))
        assert (shown.missing, shown.name, shown.answer is not None) == ((), "<i>run", True)
        with np.load(data) as stored:
            np.testing.assert_array_equal(shown.labels, stored["test_labels"])
            assert shown.portraits[0].codes.points.shape == (20, 2)
            rows = saved.open_run(finished).data.raw("test").x
            np.testing.assert_array_equal(rows, stored["test"])
        model, params = vj.load_member(finished, beta=4.0, latent_size=2, seed=4)
        expected = np.stack([vj.reconstruct(model, params, x) for x in shown.examples])
        np.testing.assert_allclose(shown.portraits[7].reconstructions, expected, atol=1e-5)

    def test_facts_are_those_of_the_run(self, finished):
        facts = showing.read_shown(finished).facts
        timing = json.loads((finished / "timing.json").read_text())
        assert facts["seconds until all was measured"] == pytest.approx(
            timing["first_segment"] + timing["train_and_measure"], abs=0.011
        )
        assert facts["devices"] == "1 cpu"
        assert 0 < facts["seconds of compiling, of all threads"] == timing["compiling"]
        assert facts["peak memory of the process"] == f"{timing['peak_bytes']['process'] / 2**20:,.0f} MiB"
        assert f"vaejax {vj.__version__}" in facts["versions"]

    def test_the_command_of_a_member_makes_it_again(self, finished, tmp_path, monkeypatch):
        shown = showing.read_shown(finished)
        table = list(csv.DictReader((finished / "results.csv").read_text().splitlines()))
        words = shlex.split(shown.commands[5])  # beta 4, latent size 1, seed 4
        assert words[-2:] == ["--out", "<i>run-6"]
        monkeypatch.chdir(tmp_path)
        assert cli.main(words[1:]) == 0
        (row,) = csv.DictReader((tmp_path / "<i>run-6" / "results.csv").read_text().splitlines())
        assert {name: row[name] for name in ("beta", "latent_size", "seed", "num_params")} == {
            name: table[5][name] for name in ("beta", "latent_size", "seed", "num_params")
        }
        for name in ("elbo", "rate", "log_likelihood"):
            assert float(row[name]) == pytest.approx(float(table[5][name]), rel=1e-4)
        here, there = vj.load_member(tmp_path / "<i>run-6"), vj.load_member(finished, beta=4.0, latent_size=1, seed=4)
        x = shown.examples[0]
        np.testing.assert_allclose(vj.reconstruct(*here, x), vj.reconstruct(*there, x), atol=1e-4)

    def test_names_are_text_and_nothing_else(self, finished):
        page = (finished / "report.html").read_text()
        assert "<i>run" not in page
        assert "&lt;i&gt;run" in page

    def test_a_table_with_named_columns_is_shown_by_them(self, tmp_path):
        rows = np.random.default_rng(0).random((40, 3), np.float32)
        np.savez(tmp_path / "table.npz", rows=rows, entry_names=["age", "<i>", "height"])
        assert sweep(tmp_path / "table.npz", tmp_path / "out") == 0
        assert showing.read_shown(tmp_path / "out").entries == ("age", "<i>", "height")


class TestRounds:
    def test_members_of_further_grids_follow_those_of_the_first(self, finished, data, tmp_path):
        out = copied(finished, tmp_path)
        later = SMALL.replace("--first-seed 3", "--first-seed 5")
        assert cli.main(["sweep", "--data", str(data), "--out", str(out / folder.ROUNDS / "2"), *later.split()]) == 0
        shown = showing.read_shown(out)
        assert sorted(shown.portraits) == sorted(shown.commands) == list(range(16))
        assert "--first-seed 6 " in shown.commands[9]
        assert len(shown.rounds) == 1
        model, params = vj.load_member(out / folder.ROUNDS / "2", beta=1.0, latent_size=1, seed=6)
        expected = np.stack([vj.reconstruct(model, params, x) for x in shown.examples])
        np.testing.assert_allclose(shown.portraits[9].reconstructions, expected, atol=1e-5)


class TestGoingOn:
    def test_it_shows_how_far_it_has_come(self, unfinished):
        shown = showing.read_shown(unfinished)
        lines = [json.loads(line) for line in (unfinished / "history.jsonl").read_text().splitlines()]
        assert lines[-1]["epoch"] < 3
        assert (shown.answer, sorted(shown.portraits)) == (None, list(range(8)))
        assert f"epoch {lines[-1]['epoch']} of 3" in shown.missing[0]
        assert "come at the end" in shown.missing[1]
        table = shown.dataset
        assert dict(table.sizes) == {
            "beta": 2, "latent_size": 2, "learning_rate": 1, "seed": 2, "epoch": len(lines)
        }  # fmt: skip
        told = lines[-1]["members"][-1]
        here = table.sel({name: told[name] for name in ("beta", "latent_size", "learning_rate", "seed")})
        assert float(here.history_validation[-1]) == told["history_validation"]
        assert str(here.status.values) == "ok"

    def test_a_report_of_it_disturbs_nothing_and_it_goes_on_to_the_same_bytes(
        self, unfinished, finished, data, tmp_path, capsys
    ):
        out = copied(unfinished, tmp_path)
        with (out / "history.jsonl").open("a") as file:
            file.write('{"epoch": 2, "half a li')
        before = files_of(out)
        with folder.run_folder(out, resume=True):  # while another process writes into it
            assert cli.main(["report", str(out)]) == 0
        assert files_of(out) == before
        assert "of 3" in capsys.readouterr().out
        assert (out / "report.html").stat().st_size > 1000
        assert sweep(data, out, "--resume") == 0
        assert (out / "results.csv").read_bytes() == (finished / "results.csv").read_bytes()

    def test_before_its_first_segment_and_while_it_is_measured(self, unfinished, tmp_path):
        out = copied(unfinished, tmp_path)
        lines = (out / "history.jsonl").read_text().splitlines()
        (out / "history.jsonl").unlink()
        shown = showing.read_shown(out)
        assert "not come to the end of its first segment" in shown.missing[0]
        assert set(shown.dataset.status.values.ravel()) == {"not begun"}
        assert cli.main(["report", str(out)]) == 0
        last = {**json.loads(lines[-1]), "epoch": 3}
        last["members"][0]["history_validation"] = None
        (out / "history.jsonl").write_text("\n".join([*lines, json.dumps(last), ""]))
        shown = showing.read_shown(out)
        assert "members are being measured" in shown.missing[0]
        assert str(shown.dataset.status.values.ravel()[0]) == "diverged"

    def test_members_that_wait_for_their_program_are_counted(self, unfinished, tmp_path):
        out = copied(unfinished, tmp_path)
        lines = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
        for line in lines:
            line["members"] = line["members"][:3]
        (out / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        shown = showing.read_shown(out)
        assert "with 3 of 8 members; the others follow" in shown.missing[0]
        assert (shown.dataset.status.values == "not begun").sum() == 5

    def test_how_many_are_trained_by_now_is_told(self, unfinished, tmp_path):
        """All have begun, and the last line tells of three: the others have ended, or were of the program before."""
        out = copied(unfinished, tmp_path)
        lines = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
        last = {**lines[-1], "members": lines[-1]["members"][:3]}
        (out / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*lines, last]))
        assert ", which 3 of 8 members are at." in showing.read_shown(out).missing[0]

    def test_one_that_ends_while_its_page_is_written_has_the_page_of_a_finished_one(
        self, finished, unfinished, tmp_path, monkeypatch
    ):
        out = copied(unfinished, tmp_path)
        write, pages = report.write, []

        def written(path, *shown):
            write(path, *shown)
            pages.append(path.read_text())
            shutil.copytree(finished, out, dirs_exist_ok=True)

        monkeypatch.setattr(report, "write", written)
        assert cli.main(["report", str(out), "--out", str(tmp_path / "page.html")]) == 0
        assert ["No answer yet." in page for page in pages] == [True, False]
        assert (tmp_path / "page.html").read_text() == pages[-1]

    def test_a_search_that_goes_on_shows_the_sizes_it_has_come_to(self, unfinished, tmp_path):
        out = copied(unfinished, tmp_path)
        config = json.loads((out / "config.json").read_text())
        config["config"]["latent_size"] = []
        (out / "config.json").write_text(json.dumps(config))
        (out / "search.json").write_text("{}")
        assert showing.read_shown(out).dataset.latent_size.values.tolist() == [1, 2]
        (out / "history.jsonl").unlink()
        shown = showing.read_shown(out)
        assert "has not come to its first grid" in shown.missing[0]
        assert cli.main(["report", str(out)]) == 0


class TestDamaged:
    @pytest.mark.parametrize("how", ["gone", "emptied"])
    def test_without_parameters_there_are_no_pictures_and_the_reason_is_told(self, finished, tmp_path, how, capsys):
        out = copied(finished, tmp_path)
        if how == "gone":
            shutil.rmtree(out / "params")
        else:
            for child in (out / "params").rglob("*"):
                if child.is_file():
                    child.write_bytes(b"")
        assert cli.main(["report", str(out)]) == 0
        assert "There are no pictures of members: " in capsys.readouterr().out
        shown = showing.read_shown(out)
        assert (shown.portraits, len(shown.missing), shown.answer is not None) == ({}, 1, True)
        assert "params" in shown.missing[0]

    def test_without_its_data_there_are_no_pictures(self, finished, tmp_path):
        out = copied(finished, tmp_path)
        config = json.loads((out / "config.json").read_text())
        config["config"]["data"], config["data"]["file"] = "gone.npy", None
        (out / "config.json").write_text(json.dumps(config))
        assert "gone.npy" in showing.read_shown(out).missing[0]

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("results.nc", "no table", "cannot read"),
            ("results.nc", None, "cannot read"),
            ("config.json", "{", "cannot read"),
            ("config.json", None, "cannot read"),
        ],
    )
    def test_what_it_cannot_be_shown_without_is_one_error(self, finished, tmp_path, capsys, name, text, words):
        out = copied(finished, tmp_path)
        before = (out / "report.html").read_bytes()
        (out / name).unlink()
        if text is not None:
            (out / name).write_text(text)
        assert cli.main(["report", str(out)]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert name in error
        assert "Traceback" not in error
        assert (out / "report.html").read_bytes() == before

    def test_other_damage_beside_the_table_is_survived(self, finished, tmp_path):
        out = copied(finished, tmp_path)
        (out / "timing.json").write_text("[1")
        (out / "history.jsonl").unlink()
        assert showing.read_shown(out).facts.keys() == {"devices", "versions"}

    def test_no_run_is_one_error(self, tmp_path, capsys):
        assert cli.main(["report", str(tmp_path)]) == 2
        assert "config.json" in capsys.readouterr().err
        with pytest.raises(VaejaxError, match="folder of a run"):
            showing.read_shown(tmp_path / "nowhere")


class TestCommand:
    def test_a_report_is_written_where_it_was_asked_for(self, finished, tmp_path):
        assert cli.main(["report", str(finished), "--out", str(tmp_path / "new" / "page.html")]) == 0
        assert (tmp_path / "new" / "page.html").read_text() == (finished / "report.html").read_text()

    def test_several_runs_make_one_page_here(self, finished, unfinished, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        before = files_of(finished), files_of(unfinished)
        assert cli.main(["report", str(finished), str(unfinished)]) == 0
        assert (files_of(finished), files_of(unfinished)) == before
        assert "The report: runs.html" in capsys.readouterr().out
        told = json.loads((tmp_path / "runs.html").read_text().split('id="data">')[1].split("</script>")[0])
        assert told["axes"][0]["values"] == ["<i>run", "out"]
        assert [len(run["members"]) for run in told["pictures"]] == [8, 8]


class TestLines:
    def test_what_was_asked_for_comes_back_whatever_the_shell_makes_of_words(self):
        asked = Config(data=HOSTILE, learning_rate=(0.1, 1.2345678e-3), hidden=(8, 4), width=None, likelihood="normal")
        words = shlex.split(command("sweep", asked, {}, "a b"))
        assert words[words.index("--data") + 1] == HOSTILE
        assert [float(word) for word in words[words.index("--learning-rate") + 1 :][:2]] == [0.1, 1.2345678e-3]
        assert words[-1] == "a b"

    def test_members_stand_in_the_order_of_the_table(self):
        asked = Config(beta=(1.0, 4.0), latent_size=(2, 3), seeds=2, learning_rate=(0.1, 0.2), weight_decay=(0.0, 0.01))
        places = places_of(asked)
        assert len(places) == 32
        assert list(places[1]) == ["beta", "latent_size", "learning_rate", "weight_decay", "seed"]
        assert [place["seed"] for place in places[:4]] == [0, 1, 0, 1]
        told = command_of_member(asked, places[-1], "x")
        wanted = "--beta 4 --latent-size 3 --first-seed 1 --epochs 250 --learning-rate 0.2 --weight-decay 0.01"
        assert set(told.split()) == {"vaejax", "train", "--data", "digits", *wanted.split(), "--out", "x"}
