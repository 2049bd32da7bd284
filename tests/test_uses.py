"""The commands that use a trained model: what they write, that it is what the library gives, and what they refuse."""

import csv
import json
import shlex
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from stops import stopped_after

import vaejax as vj
from vaejax import cli, examples, saved, showing, store, written
from vaejax.commands import _given, _read, _run, _transfer
from vaejax.errors import DataError, OutputError

SMALL = "--beta 1 --latent-size 2 --seeds 1 --epochs 3 --hidden 4 --batch-size 16 --num-samples 4".split()  # noqa: SIM905
KEY = jax.random.key(0)
DIGITS = vj.data.digits()


@pytest.fixture(scope="module")
def finished(rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "a"
    assert cli.main(["sweep", "--data", str(rows), "--out", str(out), *SMALL]) == 0
    return out


@pytest.fixture(scope="module")
def used(finished):
    return _given.used_of(_given.Which(run_folder=finished))


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def test_codes_are_those_of_the_library(finished, used, tmp_path):
    assert run("encode", finished, "validation", "--out", tmp_path / "codes.npz") == 0
    with np.load(tmp_path / "codes.npz") as found:
        x = used.split("validation").x
        model, params = vj.load_member(finished)
        np.testing.assert_allclose(
            found["means"], jax.vmap(lambda x: vj.encode(model, params, x))(x), rtol=1e-5, atol=1e-6
        )
        assert found["scales"].shape == found["means"].shape
        assert (found["scales"] > 0).all()


def test_reconstructions_are_those_of_the_library_and_a_picture_beside(finished, used, capsys):
    assert run("reconstruct", finished, "--num", 5) == 0
    x = used.split("test", 5).x
    model, params = vj.load_member(finished)
    found = np.load(finished / "reconstructions.npy")
    np.testing.assert_allclose(found, jax.vmap(lambda x: vj.reconstruct(model, params, x))(x), rtol=1e-5, atol=1e-6)
    with Image.open(finished / "reconstructions.png") as picture:
        assert picture.size == ((5 * 5 + 1) * 10, (2 * 5 + 1) * 10)  # pixels of ten, gaps of one pixel
    assert f"{float(np.mean((x - found) ** 2)):.4g}" in capsys.readouterr().out


def test_what_a_file_holds_is_seen_as_in_training(finished, used, rows, tmp_path):
    """The same values from a file, an image, and a folder of images give the same codes."""
    stored = np.asarray(used.data().test)
    np.save(tmp_path / "rows.npy", stored)
    (tmp_path / "images").mkdir()
    for at, image in enumerate(stored):
        Image.fromarray(image).save(tmp_path / "images" / f"{at:03}.png")
    expected = used.split("test").x
    for source in (tmp_path / "rows.npy", tmp_path / "images"):
        found = _given.examples_for(used, _given.Given(run_folder=finished, examples=str(source)))
        np.testing.assert_array_equal(found.x, expected)
    one = _given.Given(run_folder=finished, examples=str(tmp_path / "images" / "001.png"))
    np.testing.assert_array_equal(_given.examples_for(used, one).x, expected[1:2])


@pytest.fixture
def alone(finished, tmp_path):
    """The folder of a run on a machine where its data are not."""
    return moved(finished, tmp_path / "alone", nowhere)


def nowhere(found):
    found["config"].update(data="nowhere.npy")
    found["data"].update(file="nowhere.npy")


def moved(finished, to, change):
    """A copy of a run whose config.json was changed."""
    shutil.copytree(finished, to)
    found = json.loads((to / "config.json").read_text())
    change(found)
    (to / "config.json").write_text(json.dumps(found))
    return to


@pytest.mark.parametrize(
    "arguments",
    [
        ("encode",),
        ("reconstruct",),
        ("interpolate", "--steps", 3),
        ("denoise", "--noise", "gaussian", "--by", "reconstruction", "--add"),
        ("impute", "--hide", 0.5, "--by", "importance_resampling"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_examples_of_a_file_need_the_folder_of_the_run_and_no_data(arguments, finished, used, alone, tmp_path, capsys):
    """And they are what they are where the data can be read."""
    np.save(tmp_path / "x.npy", np.asarray(used.data().test))
    name, ending = arguments[0], ".npz" if arguments[0] in ("encode", "impute") else ".npy"
    for source, folder in ((tmp_path / "x.npy", alone), ("test", finished)):
        out = tmp_path / f"{folder.name}{ending}"
        assert run(name, folder, source, *arguments[1:], "--out", out) == 0
    here, there = (np.load(tmp_path / f"{folder.name}{ending}") for folder in (alone, finished))
    for key in getattr(here, "files", [...]):
        np.testing.assert_array_equal(here[key], there[key])
    assert run(name, alone, *arguments[1:], "--out", out) == 2
    assert (
        "the data that the run was trained on are needed: expected a .npy or .npz file at nowhere.npy"
        in capsys.readouterr().err
    )


def test_a_run_whose_folder_says_nothing_of_its_examples_asks_for_its_data(finished, used, tmp_path, capsys):
    """One that was written before that was noted."""
    np.save(tmp_path / "x.npy", np.asarray(used.data().test))
    before = moved(finished, tmp_path / "before", lambda found: found["data"].pop("form"))
    assert run("encode", before, tmp_path / "x.npy") == 0
    gone = moved(before, tmp_path / "gone", nowhere)
    assert run("encode", gone, tmp_path / "x.npy") == 2
    assert "written before" in capsys.readouterr().err


@pytest.mark.parametrize(
    "data",
    [
        DIGITS,
        vj.data.binarise_dynamic(DIGITS),
        vj.data.binarise_static(DIGITS, 1),
        vj.data.fitted(DIGITS, vj.likelihoods.normal()),
        vj.data.arrays(np.random.default_rng(0).random((20, 3))),
        vj.data.binarise_dynamic(vj.data.arrays(np.random.default_rng(0).random((20, 3)))),
        vj.data.arrays(np.arange(30).reshape(10, 3), likelihood=vj.likelihoods.poisson()),
        vj.data.arrays(np.random.default_rng(0).normal(size=(20, 3)), likelihood=vj.likelihoods.normal()),
    ],
    ids=lambda data: data.preparation,
)
def test_what_is_noted_of_data_shows_further_examples_as_they_would(data):
    noted = json.loads(json.dumps(vj.data.noted_form(data)))
    form = vj.data.form_from(noted, data.name, data.likelihood)
    raw = data.raw("test")
    np.testing.assert_array_equal(examples.seen_by(form, raw, KEY).x, examples.seen_by(data, raw, KEY).x)
    assert form.support == data.support
    assert form.preparation == data.preparation
    assert form.data_shape == data.data_shape
    assert len(form.train) == 0


def test_of_pictures_that_are_rendered_further_ones_are_pictures():
    data = vj.data.shapes(size=8, every={"x_position": 8, "y_position": 8}, frozen={"shape": 2, "scale": 5})
    form = vj.data.form_from(vj.data.noted_form(data), data.name, data.likelihood)
    pictures = examples.seen_by(data, data.raw("test"), KEY).x
    np.testing.assert_array_equal(examples.seen_by(form, vj.Example(pictures.astype(np.uint8)), KEY).x, pictures)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 5, 4), np.uint8), r"expected examples \[num, 4, 4\]"),
        (np.zeros((4, 4), np.uint8), r"one example is \[1, 4, 4\]"),
        (np.zeros((0, 4, 4), np.uint8), "at least one example"),
        (np.zeros((3, 4, 4), np.float32), "expected whole numbers from 0 to 255"),
        (np.full((3, 4, 4), 300), "got int64 from 300 to 300"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(finished, used, array, said, tmp_path):
    np.save(tmp_path / "rows.npy", array)
    with pytest.raises(DataError, match=said):
        _given.examples_for(used, _given.Given(run_folder=finished, examples=str(tmp_path / "rows.npy")))


@pytest.mark.parametrize("content", ["empty folder", "no image", "two shapes", "nothing"])
def test_images_that_are_none_are_refused(content, tmp_path):
    if content == "no image":
        (tmp_path / "a.png").write_text("this is no image")
    if content == "two shapes":
        for size in (4, 5):
            Image.fromarray(np.zeros((size, size), np.uint8)).save(tmp_path / f"{size}.png")
    path = tmp_path / "b" if content == "nothing" else tmp_path
    with pytest.raises(DataError, match=r"expected|cannot be read|different shapes"):
        _read.read_examples(path)


def test_scores_are_written_with_alarms_at_the_rate_that_was_asked_for(finished, used, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    assert run("score", finished, "validation", "--by", "reconstruction", "--false-alarms", 0.5, "--out", out) == 0
    lines = list(csv.DictReader(out.read_text().splitlines()))
    assert len(lines) == len(used.data().validation)
    scores = np.array([float(line["score"]) for line in lines])
    flagged = np.array([line["anomaly"] == "1" for line in lines])
    assert scores[flagged].min() > scores[~flagged].max()
    assert f"{flagged.sum()} of {len(lines)} examples are anomalies" in capsys.readouterr().out
    p_values = np.array([float(line["p_value"]) for line in lines])
    assert (np.argsort(scores)[::-1][0]) in np.flatnonzero(p_values == p_values.min())


def test_an_interpolation_ends_at_the_reconstructions_of_both(finished, used):
    assert run("interpolate", finished, "--between", 0, 3, "--steps", 5) == 0
    found = np.load(finished / "interpolation.npy")
    model, params = vj.load_member(finished)
    ends = [vj.reconstruct(model, params, used.split("test").x[at]) for at in (0, 3)]
    np.testing.assert_allclose(found[[0, -1]], np.stack(ends), rtol=1e-5, atol=1e-6)
    assert len(found) == 5


def test_noise_is_added_and_taken_off(finished, used, capsys, tmp_path):
    arguments = ("--noise", "gaussian", "--strength", 2.0, "--add", "--num", 4, "--by", "reconstruction")
    assert run("denoise", finished, "test", *arguments, "--out", tmp_path / "x.npy") == 0
    said = capsys.readouterr().out
    before, after = (float(part.split(" dB")[0]) for part in said.split("PSNR ")[1].split("noise, "))
    assert before < after  # noise of twice the range of x, and a reconstruction that is inside of it
    assert not (tmp_path / "x.png").exists()
    assert np.load(tmp_path / "x.npy").shape == (4, 4, 4)


def test_noisy_floats_of_a_file_are_taken_as_they_are(finished, used, tmp_path):
    noisy = np.random.default_rng(0).normal(size=(3, 4, 4))
    np.save(tmp_path / "noisy.npy", noisy)
    found = _given.noisy_for(used, _given.Given(run_folder=finished, examples=str(tmp_path / "noisy.npy")))
    np.testing.assert_array_equal(found.x, noisy.astype(np.float32))


def test_what_was_hidden_is_imputed_and_what_was_seen_stays(finished, used, tmp_path, capsys):
    out = tmp_path / "imputed.npz"
    by = ("--by", "importance_resampling")
    assert run("impute", finished, "test", "--hide", 0.4, "--num", 3, *by, "--out", out) == 0
    assert "root mean squared error" in capsys.readouterr().out
    with np.load(out) as found:
        x, seen = np.asarray(used.split("test", 3).x), found["observed"]
        np.testing.assert_array_equal(found["mean"][seen], x[seen])
        assert (found["low"] <= found["high"]).all()
        assert (found["mean"] != x)[~seen].any()
        np.save(tmp_path / "mask.npy", seen.astype(np.uint8))
    assert run("impute", finished, "--observed", tmp_path / "mask.npy", "--num", 3, *by, "--out", out) == 0
    with np.load(out) as again:
        np.testing.assert_array_equal(again["observed"], seen)


def test_a_sampler_is_fitted_once_and_kept(finished, capsys):
    arguments = ("sample", finished, "--num", 6, "--sampler", "kernel_density")
    assert run(*arguments) == 0
    assert "kept in" in capsys.readouterr().out
    first = np.load(finished / "samples.npy")
    assert run(*arguments) == 0
    assert "kept in" not in capsys.readouterr().out
    np.testing.assert_array_equal(np.load(finished / "samples.npy"), first)


def test_transfer_leaves_a_run_that_started_from_the_source_and_what_it_was_worth(finished, rows, tmp_path, capsys):
    out = tmp_path / "transferred"
    asked = "--sizes 5 20 --steps 4 --seeds 2 --epochs 1 --margin-nats 3".split()  # noqa: SIM905
    assert run("transfer", finished, "--data", rows, "--out", out, *asked) == 0
    said = capsys.readouterr().out
    assert "decoder/output/kernel" in said
    assert "copied" in said
    assert {path.name for path in out.iterdir()} >= {"report.html", "transfer.csv", "transfer.nc", "transfer.png"}
    shown = showing.read_shown(out)
    assert len(shown.portraits) == 1
    again = shlex.split(shown.commands[0])
    assert cli.main([*again[1:-1], str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "results.csv").read_bytes() == (out / "results.csv").read_bytes()
    (out / "transfer.json").write_text("{}")
    assert "started from another one, and the folder does not say which" in showing.read_shown(out).missing[0]
    worth = json.loads((out / "worth.json").read_text())
    assert worth["margin_nats"] == 3.0
    assert worth["warnings"] == [_transfer.SEEN]  # its target is what its source was trained on
    assert set(worth["gains"][0]["examples"]) == {"at", "low", "high", "least", "most"}
    with Image.open(out / "transfer.png") as picture:
        assert picture.size == (2160, 680)
    lines = list(csv.DictReader((out / "transfer.csv").read_text().splitlines()))
    assert {(line["start"], line["num_examples"]) for line in lines} == {
        (start, size) for start in ("scratch", "source") for size in ("5", "20")
    }
    source, target = (vj.load_member(folder).params for folder in (finished, out))
    apart = [float(np.abs(a - b).max()) for a, b in zip(*map(jax.tree.leaves, (source, target)), strict=True)]
    assert max(apart) < 0.2  # a few steps from the source, where another initialisation is farther
    assert max(apart) > 0


COMPARED = "--sizes 5 20 --steps 4 --seeds 2 --epochs 2 --save-every 0".split()  # noqa: SIM905
RESULTS = ("transfer.nc", "transfer.csv", "worth.json", "transfer.png", "results.csv", "history.jsonl", "answer.json")


@pytest.fixture(scope="module")
def transferred(finished, rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("transferred") / "whole"
    assert run("transfer", finished, "--data", rows, "--out", out, *COMPARED) == 0
    return out


def stopped_transfer(finished, rows, out, module, num):
    """Asked to stop when a part of it was asked so many times whether to."""
    with stopped_after(module, num):
        assert run("transfer", finished, "--data", rows, "--out", out, *COMPARED, "--resume") == 143


@pytest.fixture(scope="module")
def stopped(finished, rows, tmp_path_factory):
    """A transfer that was stopped in its comparison; to be copied before it is used."""
    out = tmp_path_factory.mktemp("stopped") / "out"
    stopped_transfer(finished, rows, out, _transfer, 2)
    return out


@pytest.mark.long
def test_a_transfer_that_was_stopped_goes_on_to_the_same_bytes(
    finished, transferred, stopped, rows, tmp_path, capsys, monkeypatch
):
    """In the comparison, then in the run."""
    out = Path(shutil.copytree(stopped, tmp_path / "out"))
    assert not (out / "transfer.nc").exists()
    before = len((out / "comparison" / "history.jsonl").read_text().splitlines())
    assert 0 < before < 4
    stopped_transfer(finished, rows, out, _run, 3)
    said = capsys.readouterr().err
    assert said.endswith("vaejax: stopped and saved; the same command with --resume goes on from here\n")
    assert "step 4/4" in said
    assert not (out / "answer.json").exists()
    monkeypatch.setattr(vj.transfer, "learning_curves", lambda *_, **__: pytest.fail("it was compared twice"))
    assert run("transfer", finished, "--data", rows, "--out", out, *COMPARED, "--resume") == 0
    assert "the best start" in capsys.readouterr().out
    for name in (*RESULTS, "comparison/history.jsonl"):
        assert (out / name).read_bytes() == (transferred / name).read_bytes(), name
    assert {path.name for path in out.iterdir()} == {path.name for path in transferred.iterdir()}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ((), "go on with --resume"),
        (("--steps", "5", "--resume"), "steps was 4 and is now 5"),
        (("--no-compare", "--resume"), "compare was True and is now False"),
        (("--learning-rate", "0.5", "--resume"), "--learning-rate was"),
        (("--margin-nats", "2", "--resume"), "--margin-nats was not given and is now 2.0"),
    ],
)
def test_another_transfer_does_not_go_on(finished, stopped, rows, other, said, capsys):
    before = {path: path.stat().st_mtime_ns for path in stopped.rglob("*")}
    assert run("transfer", finished, "--data", rows, "--out", stopped, *COMPARED, *other) == 2
    assert said in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in stopped.rglob("*")} == before


def test_a_transfer_from_another_source_does_not_go_on(finished, stopped, rows, capsys, monkeypatch):
    found = saved.load_chosen

    def moved(*given, **where):
        chosen = found(*given, **where)
        return chosen._replace(
            member=chosen.member._replace(params=jax.tree.map(lambda leaf: leaf + 1, chosen.member.params))
        )

    monkeypatch.setattr(saved, "load_chosen", moved)
    assert run("transfer", finished, "--data", rows, "--out", stopped, *COMPARED, "--resume") == 2
    assert "holds another transfer: source was" in capsys.readouterr().err


def test_a_run_that_is_no_transfer_does_not_become_one(finished, rows, tmp_path, capsys):
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    (out / "answer.json").unlink()
    assert run("transfer", finished, "--data", rows, "--out", out, *COMPARED, "--resume") == 2
    assert "holds a run that is no transfer" in capsys.readouterr().err


def test_other_data_are_not_those_of_the_source(finished, rows):
    stored = np.load(rows)
    assert _transfer._seen_before(finished, vj.data.load(str(rows)))
    assert not _transfer._seen_before(finished, vj.data.arrays(stored[::-1].copy()))


def test_values_of_another_kind_have_a_likelihood_of_their_own(finished):
    chosen = saved.load_chosen(finished)
    same = _transfer._config(_transfer.Target("other.npy"), chosen)
    assert (same.likelihood, same.data) == (chosen.config.likelihood, "other.npy")
    assert _transfer._config(_transfer.Target("other.npy", likelihood="normal"), chosen).likelihood == "normal"


def test_a_margin_is_that_of_the_source_or_the_one_that_was_asked_for():
    nats, part = _transfer.Target("x", margin_nats=2.0), _transfer.Target("x", margin=0.1)
    both = _transfer.Target("x", margin=0.1, margin_nats=2.0)
    assert _transfer._margin(_transfer.Target("x")) == {}
    assert _transfer._margin(nats) == {"margin_nats": 2.0}
    assert _transfer._margin(part) == {"margin": 0.1, "margin_nats": None}
    assert _transfer._margin(both) == {"margin": 0.1, "margin_nats": 2.0}


def test_a_folder_that_is_taken_is_refused_before_anything_is_compared(finished, rows, tmp_path, capsys, monkeypatch):
    (tmp_path / "mine.txt").write_text("not a run")
    monkeypatch.setattr(vj.transfer, "learning_curves", lambda *_, **__: pytest.fail("it was compared"))
    assert run("transfer", finished, "--data", rows, "--out", tmp_path) == 2
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("encode", "--out", "codes.txt"), "to end in .npz"),
        (("reconstruct", "--out", "nowhere/x.npy"), "there is no folder nowhere"),
        (("reconstruct", "nowhere.npy"), "expected test, validation, train, a .npy or .npz file"),
        (("interpolate", "--between", "0", "99"), "--between must be two of the examples, 0 to 5, got"),
        (("denoise", "--add"), "the name of a noise"),
        (("denoise", "--by", "given_noise"), "must know the noise"),
        (("impute",), "nothing is missing"),
        (("impute", "--hide", "0.3", "--observed", "mask.npy"), "give one of the two"),
        (("impute", "--hide", "1.5"), "hide must be a number above 0 and at most 1"),
        (("score", "--false-alarms", "0.01"), "cannot promise a false-alarm rate"),
        (("score", "--out", "x.txt"), "to end in .csv"),
        (("sample", "--temperature", "0"), "temperature must be a number above 0"),
        (("sample", "--num", "0"), "num must be at least 1"),
        (("sample", "--seed", "-1"), "seed must be at least 0"),
        (("encode", "--key", str(2**63)), "key must be below 2**63"),
        (("impute", "--hide", "1"), "--hide 1 leaves nothing of row 0: hide less"),
        (("impute", "--hide", "1e-9"), "hides none of 96 values: hide more"),
        (("encode", "--out", "taken.npz"), "it is a folder"),
        (("transfer", "--data", "nowhere.npy", "--out", "t"), "nowhere.npy"),
        (("transfer", "--data", "digits", "--sizes", "99999", "--out", "t"), "training examples, and --sizes asks"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(finished, arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.npz").mkdir()
    before = {path.name for path in finished.iterdir()}
    assert run(arguments[0], finished, *arguments[1:]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["taken.npz"]
    assert {path.name for path in finished.iterdir()} == before


@pytest.mark.parametrize(
    "save", [lambda path: written.write_arrays(path, np.ones(3)), lambda path: store.save(path, {})]
)
def test_what_is_stopped_while_it_writes_leaves_nothing(save, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    monkeypatch.setattr(Path, "rename", stop)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "x.npy")
    assert not list(tmp_path.iterdir())


def test_what_a_score_knows_is_kept_and_needs_the_data_no_more(finished, used, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.asarray(used.data().test))
    asked = ("--by", "rate", "--false-alarms", 0.5)
    mine = moved(finished, tmp_path / "mine", lambda found: None)
    assert run("score", mine, "test", *asked) == 0
    assert "kept in" in capsys.readouterr().out
    first = (mine / "scores.csv").read_text()
    away = moved(mine, tmp_path / "away", nowhere)
    assert run("score", away, tmp_path / "x.npy", *asked) == 0
    assert (away / "scores.csv").read_text() == first
    assert run("score", away, tmp_path / "x.npy", *asked, "--key", 1) == 2
    assert "Do this once where they are" in capsys.readouterr().err


def test_what_cannot_be_kept_is_used_and_said(finished, tmp_path, capsys):
    mine = moved(finished, tmp_path / "mine", lambda found: None)
    shutil.rmtree(mine / "samplers", ignore_errors=True)
    (mine / "samplers").write_text("a file where a folder should be")
    assert run("sample", mine, "--sampler", "kernel_density", "--out", tmp_path / "x.npy") == 0
    assert "could not be kept" in capsys.readouterr().err


def test_data_that_moved_with_the_run_are_found(finished, rows, tmp_path, capsys, monkeypatch):
    where = tmp_path / "däta of mine"
    where.mkdir()
    shutil.copy(rows, where / "rows.npy")
    mine = moved(finished, where / "run", lambda found: found["data"].update(file="../rows.npy"))
    monkeypatch.chdir(tmp_path)
    shutil.move(where, tmp_path / "elsewhere")
    found = json.loads((tmp_path / "elsewhere" / "run" / "config.json").read_text())
    found["config"]["data"] = "rows.npy"  # as it was called where the run was begun
    (tmp_path / "elsewhere" / "run" / "config.json").write_text(json.dumps(found))
    assert not mine.exists()
    assert run("encode", "elsewhere/run", "test", "--out", "codes.npz") == 0


def test_where_a_file_is_is_noted_as_seen_from_the_run(finished, rows):
    noted = json.loads((finished / "config.json").read_text())["data"]["file"]
    assert not Path(noted).is_absolute()
    assert (finished / noted).samefile(rows)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found["config"].update(net="zzz"), "net must be one of mlp, conv, got 'zzz'"),
        (lambda found: found["config"].update(batch_size=0), "batch_size must be at least 1"),
        (lambda found: found["config"].update(epochs="x"), "epochs must be a whole number"),
        (lambda found: found["data"].update(num_train=0), "num_train must be at least 1"),
        (lambda found: found["data"]["form"].update(view="zzz"), "what config.json notes of the data is damaged"),
        (lambda found: found["data"].pop("examples"), "cannot read"),
    ],
)
def test_a_config_that_was_changed_is_said_in_a_line(finished, change, said, tmp_path, capsys):
    assert run("sample", moved(finished, tmp_path / "changed", change)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


BITS = vj.data.arrays(np.eye(10, dtype=bool).reshape(10, 2, 5))
UNIT = vj.data.arrays(np.random.default_rng(0).random((10, 2, 5)))
COUNTS = vj.data.arrays(np.arange(100).reshape(10, 2, 5), likelihood=vj.likelihoods.poisson())
HALF = np.full((3, 2, 5), 0.5)


@pytest.mark.parametrize(
    ("data", "array", "seen"),
    [
        (BITS, HALF > 0, np.ones((3, 2, 5))),
        (COUNTS, np.full((3, 2, 5), 7), np.full((3, 2, 5), 7.0)),
        (UNIT, np.ones((3, 2, 5), int), np.ones((3, 2, 5))),
        (BITS, np.full((3, 2, 5), 255, np.uint8), None),
        (UNIT, np.full((3, 2, 5), 255, np.uint8), None),
        (BITS, HALF, None),
        (BITS, np.full((3, 2, 5), "a"), None),
        (COUNTS, -np.ones((3, 2, 5), int), None),
        (UNIT, HALF.astype(complex), None),
    ],
)
def test_numbers_of_another_type_are_taken_where_they_are_values_of_the_data(data, array, seen, tmp_path):
    np.save(tmp_path / "x.npy", array)
    if seen is None:
        with pytest.raises(DataError, match=r"expected (numbers|whole numbers|values on)"):
            _read.read_like(vj.data.form_of(data), tmp_path / "x.npy")
    else:
        np.testing.assert_array_equal(_read.read_like(vj.data.form_of(data), tmp_path / "x.npy"), seen)


@pytest.mark.parametrize(("data", "expected"), [(BITS, 1), (UNIT, 1.0)])
def test_white_in_an_image_is_one(data, expected, tmp_path):
    Image.fromarray(np.full((2, 5), 255, np.uint8)).save(tmp_path / "x.png")
    assert (_read.read_like(vj.data.form_of(data), tmp_path / "x.png") == expected).all()


def test_an_image_of_more_than_8_bits_is_refused_and_not_cut_off(tmp_path):
    Image.fromarray(np.full((2, 5), 700, np.uint16)).save(tmp_path / "x.png")
    with pytest.raises(DataError, match="more than 8 bits"):
        _read.read_examples(tmp_path / "x.png")


@pytest.fixture(scope="module")
def of_reals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reals")
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(60, 3)))
    asked = ["--likelihood", "normal", *SMALL, "--out", str(folder / "run")]
    assert cli.main(["sweep", "--data", str(folder / "x.npy"), *asked]) == 0
    return folder / "run"


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("command", ["encode", "reconstruct", "interpolate", "score", "denoise"])
def test_what_is_not_finite_is_refused(command, bad, of_reals, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.where(np.arange(6).reshape(2, 3) == 4, bad, 0.0))
    assert run(command, of_reals, tmp_path / "x.npy") == 2
    error = capsys.readouterr().err
    assert "row 1 at (1,) is" in error
    assert error.count("\n") == 1


def test_a_known_noise_of_reals_is_taken_off_by_the_posterior_mean(of_reals, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    asked = ("denoise", of_reals, tmp_path / "x.npy", "--noise", "gaussian", "--out", tmp_path / "y.npy")
    assert run(*asked) == 0
    assert run(*asked, "--by", "most_probable") == 2
    assert "use --by posterior_mean" in capsys.readouterr().err


def test_a_mask_of_ones_leaves_nothing_to_impute(of_reals, tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    np.save(tmp_path / "mask.npy", np.ones(3))
    assert run("impute", of_reals, tmp_path / "x.npy", "--observed", tmp_path / "mask.npy") == 2
    assert "nothing is missing" in capsys.readouterr().err


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    def fails(path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"cannot write .*x.csv: No space left"):
        written._whole(tmp_path / "x.csv", fails)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("num", "shape"), [(1, (1, 1)), (5, (2, 3)), (9, (3, 3)), (12, (3, 4))])
def test_a_sheet_is_about_square_and_in_order(num, shape):
    sheet = written.square(np.arange(num)[:, None, None] * np.ones((1, 2, 2)))
    assert sheet.shape[:2] == shape
    np.testing.assert_array_equal(sheet[..., 0, 0].ravel()[:num], np.arange(num))
    assert not sheet[..., 0, 0].ravel()[num:].any()
