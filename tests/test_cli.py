"""The command line: what it writes, what it refuses, and that it leaves nothing behind."""

import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from stops import stopped_after

import vaejax as vj
from vaejax import cli, folder
from vaejax.commands import _run
from vaejax.errors import VaejaxError

SMALL = "--beta 1 4 --latent-size 1 2 --seeds 1 --epochs 3 --hidden 4 --batch-size 16 --num-samples 4".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def finished(rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "a"
    assert cli.main(["sweep", "--data", str(rows), "--out", str(out), *SMALL]) == 0
    return out


def test_a_run_leaves_everything_there_is_to_know(finished):
    names = {"answer.json", "config.json", "history.jsonl", "params", "report.html", "results.csv", "results.nc"}
    assert {path.name for path in finished.iterdir()} == names | {"timing.json"}
    config = json.loads((finished / "config.json").read_text())
    assert len(config["data"]["sha256"]) == 64
    assert {"jax", "vaejax", "python"} <= set(config["versions"])
    assert (finished / "report.html").stat().st_size < 5e6


def test_the_table_has_a_row_for_each_member(finished):
    rows = list(csv.DictReader((finished / "results.csv").read_text().splitlines()))
    assert [(row["beta"], row["latent_size"]) for row in rows] == [("1", "1"), ("1", "2"), ("4", "1"), ("4", "2")]
    for row in rows:
        assert float(row["elbo"]) == pytest.approx(-float(row["distortion"]) - float(row["rate"]), rel=1e-6)
        assert row["status"] == "ok"
    with xr.open_dataset(finished / "results.nc", engine="scipy") as table:
        assert [float(row["elbo"]) for row in rows] == pytest.approx(table.elbo.values.ravel(), rel=1e-8)


def test_the_history_says_what_was_really_optimised(finished):
    lines = [json.loads(line) for line in (finished / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines[:-1]] == [1, 2, 3]
    last = lines[-1]["objective"]
    assert last["formula"].startswith("E_q log p(x|z) - beta KL")
    assert [member["objective_beta"] for member in last["members"]] == [1, 1, 4, 4]
    assert "mean over examples" in last["reduction"]
    assert "constants" in last


def test_two_runs_of_one_command_give_the_same_bytes(finished, rows, tmp_path):
    assert cli.main(["sweep", "--data", str(rows), "--out", str(tmp_path / "b"), *SMALL]) == 0
    assert (tmp_path / "b" / "results.csv").read_bytes() == (finished / "results.csv").read_bytes()


def test_a_finished_run_is_measured_again_to_the_same_numbers(finished, capsys):
    before = (finished / "results.csv").read_text()
    assert cli.main(["evaluate", str(finished), "--num-samples", "4", "--only", "dimension"]) == 0
    assert "dimension_codes" in capsys.readouterr().out
    again = list(csv.DictReader((finished / "evaluation.csv").read_text().splitlines()))
    for was, now in zip(csv.DictReader(before.splitlines()), again, strict=True):
        assert {name: now[name] for name in was} == was
        assert float(now["dimension_codes"]) > 0
    for written in finished.glob("evaluation.*"):
        written.unlink()


def test_samples_are_drawn_from_any_member(finished, tmp_path):
    where = ["--num", "5", "--out", str(tmp_path / "a.npy")]
    assert cli.main(["sample", str(finished), *where]) == 0
    assert np.load(tmp_path / "a.npy").shape == (5, 4, 4)
    assert (
        cli.main(["sample", str(finished), "--beta", "4", "--latent-size", "1", "--out", str(tmp_path / "b.png")]) == 0
    )
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_all_diverged_ends_with_1_and_an_answer_that_says_so(rows, tmp_path):
    out = tmp_path / "out"
    assert cli.main(["sweep", "--data", str(rows), "--out", str(out), *SMALL, "--learning-rate", "1e30"]) == 1
    answer = json.loads((out / "answer.json").read_text())
    assert answer["latent_size"] is None
    assert "diverged" in answer["reason"]
    assert all(row["status"] == "diverged" for row in csv.DictReader((out / "results.csv").read_text().splitlines()))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--latent-size", "0"], "at least 1"),
        (["--latent-size", "-2"], "at least 1"),
        (["--beta", "-1"], "at least 0"),
        (["--beta", "nan"], "finite"),
        (["--beta", "1", "1"], "more than once"),
        (["--beta"], "empty"),
        (["--latent-size"], "empty"),
        (["--epochs", "0"], "epochs"),
        (["--seeds", "0"], "seeds"),
        (["--learning-rate", "0"], "learning_rate"),
        (["--batch-size", "0"], "batch_size"),
        (["--margin", "2"], "margin"),
        (["--hidden", "0"], "width"),
        (["--data", "digit"], "digits"),
        (["--data", "nowhere.npy"], "nowhere.npy"),
        (["--likelihood", "bernoulli"], "no likelihood"),
        (["--data", "digits", "--levels", "256"], "17"),
    ],
)
def test_bad_input_is_one_message_exit_2_and_nothing_left_behind(rows, tmp_path, capsys, arguments, words):
    out = tmp_path / "deep" / "out"
    assert cli.main(["sweep", "--data", str(rows), "--out", str(out), *SMALL, *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize("arguments", [["--beta", "large"], ["--likelihood", "gaussian"], ["--binarise", "x"]])
def test_what_does_not_parse_is_exit_2(tmp_path, arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["sweep", "--out", str(tmp_path / "out"), *arguments])
    assert stopped.value.code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("array", [np.array(["a", "b"]), np.float32(1.0), np.zeros((0, 4)), np.full((20, 3), np.nan)])
def test_bad_arrays_are_refused(tmp_path, array, capsys):
    np.save(tmp_path / "bad.npy", array)
    assert cli.main(["sweep", "--data", str(tmp_path / "bad.npy"), "--out", str(tmp_path / "out"), *SMALL]) == 2
    assert capsys.readouterr().err.startswith("vaejax: ")
    assert not (tmp_path / "out").exists()


def test_folders_that_cannot_be_used_are_refused(finished, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for out, words in (
        (finished, "finished run"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "below", "cannot"),
        (tmp_path / "full", "not empty"),
    ):
        assert cli.main(["sweep", "--out", str(out), *SMALL]) == 2
        assert words in capsys.readouterr().err
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    assert cli.main(["evaluate", str(tmp_path)]) == 2
    assert "finished run" in capsys.readouterr().err


def test_a_damaged_run_is_named(finished, tmp_path, rows, capsys):
    out = tmp_path / "out"
    assert cli.main(["sweep", "--data", str(rows), "--out", str(out), *SMALL]) == 0
    for child in (out / "params").rglob("*"):
        if child.is_file():
            child.write_bytes(b"")
    assert cli.main(["evaluate", str(out)]) == 2
    assert "cannot read" in capsys.readouterr().err


@pytest.fixture(scope="module")
def unfinished(rows, tmp_path_factory):
    """A run that was asked to stop in the middle; to be copied before it is used."""
    out = tmp_path_factory.mktemp("unfinished") / "out"
    with stopped_after(_run, 6):
        assert cli.main(["sweep", "--data", str(rows), "--out", str(out), *SMALL]) == 143
    return out


@pytest.fixture
def stopped(unfinished, tmp_path):
    return Path(shutil.copytree(unfinished, tmp_path / "stopped"))


class TestResume:
    def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(self, finished, stopped, rows):
        assert not (stopped / "answer.json").exists()
        with (stopped / "history.jsonl").open("a") as file:
            file.write('{"epoch": 2, "half a li')  # as if it had been killed while it wrote
        assert cli.main(["sweep", "--data", str(rows), "--out", str(stopped), *SMALL, "--resume"]) == 0
        for name in ("results.csv", "history.jsonl", "answer.json", "results.nc"):
            assert (stopped / name).read_bytes() == (finished / name).read_bytes(), name
        assert {path.name for path in stopped.iterdir()} == {path.name for path in finished.iterdir()}

    def test_without_the_flag_it_is_refused_and_named(self, stopped, rows, capsys):
        assert cli.main(["sweep", "--data", str(rows), "--out", str(stopped), *SMALL]) == 2
        assert "--resume" in capsys.readouterr().err
        assert any((stopped / "checkpoints").iterdir())

    @pytest.mark.parametrize(
        ("other", "words"),
        [
            (["--beta", "1", "2"], "--beta was 1.0 4.0 and is now 1.0 2.0"),
            (["--epochs", "4"], "--epochs was 3 and is now 4"),
            (["--likelihood", "binomial", "--levels", "256"], "--likelihood was not given and is now binomial"),
        ],
    )
    def test_another_configuration_is_refused_and_nothing_lost(self, stopped, rows, capsys, other, words):
        before = sorted(stopped.rglob("*"))
        assert cli.main(["sweep", "--data", str(rows), "--out", str(stopped), *SMALL, *other, "--resume"]) == 2
        assert words in capsys.readouterr().err
        assert sorted(stopped.rglob("*")) == before

    def test_data_that_changed_are_refused(self, unfinished, rows, tmp_path, capsys):
        moved = tmp_path / rows.name
        np.save(moved, np.load(rows)[::-1])
        config = json.loads((unfinished / "config.json").read_text())
        out = Path(shutil.copytree(unfinished, tmp_path / "out"))
        config["config"]["data"] = str(moved)
        (out / "config.json").write_text(json.dumps(config))
        assert cli.main(["sweep", "--data", str(moved), "--out", str(out), *SMALL, "--resume"]) == 2
        assert "has changed since" in capsys.readouterr().err

    def test_a_finished_run_says_so_and_one_that_is_not_there_starts(self, finished, rows, tmp_path, capsys):
        arguments = ["sweep", "--data", str(rows), *SMALL, "--resume", "--out"]
        before = (finished / "results.csv").stat().st_mtime_ns
        assert cli.main([*arguments, str(finished)]) == 0
        assert "is finished" in capsys.readouterr().out
        assert (finished / "results.csv").stat().st_mtime_ns == before
        (tmp_path / "empty").mkdir()
        assert cli.main([*arguments, str(tmp_path / "empty")]) == 0
        assert (tmp_path / "empty" / "answer.json").exists()

    def test_two_processes_do_not_write_into_one_folder(self, stopped, rows, capsys):
        with folder.run_folder(stopped, resume=True):
            assert cli.main(["sweep", "--data", str(rows), "--out", str(stopped), *SMALL, "--resume"]) == 2
        assert "another process" in capsys.readouterr().err

    def test_a_disk_that_is_full_is_one_line_and_loses_nothing(self, stopped, rows, capsys, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(_run.folder, "write_result", full)
        assert cli.main(["sweep", "--data", str(rows), "--out", str(stopped), *SMALL, "--resume"]) == 1
        error = capsys.readouterr().err
        assert "No space left on device" in error
        assert "--resume goes on from there" in error
        assert "Traceback" not in error
        monkeypatch.undo()
        assert cli.main(["sweep", "--data", str(rows), "--out", str(stopped), *SMALL, "--resume"]) == 0

    def test_a_command_that_keeps_nothing_does_not_speak_of_going_on(self, finished, capsys, monkeypatch):
        def gone(*_):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(cli.commands.Sample, "run", gone)
        assert cli.main(["sample", str(finished)]) == 1
        error = capsys.readouterr().err
        assert "Input/output error" in error
        assert "--resume" not in error


def test_a_member_is_loaded_without_the_data(rows, finished, tmp_path):
    away = Path(shutil.copytree(finished, tmp_path / "away"))
    config = json.loads((away / "config.json").read_text())
    config["config"]["data"] = "gone.npy"
    (away / "config.json").write_text(json.dumps(config))
    model, params = vj.load_member(away, beta=4.0, latent_size=1)
    assert vj.encode(model, params, np.zeros((4, 4), np.float32)).shape == (1,)
    with pytest.raises(VaejaxError, match=r"no member has .*latent_size=3"):
        vj.load_member(away, latent_size=3)


def test_one_model_is_trained_by_the_same_code(rows, finished, tmp_path, capsys):
    alone = ["--beta", "4", "--latent-size", "2", *SMALL[SMALL.index("--seeds") :]]
    assert cli.main(["train", "--data", str(rows), "--out", str(tmp_path / "one"), *alone]) == 0
    assert "log likelihood" in capsys.readouterr().out
    (row,) = csv.DictReader((tmp_path / "one" / "results.csv").read_text().splitlines())
    grid = list(csv.DictReader((finished / "results.csv").read_text().splitlines()))
    assert float(row["elbo"]) == pytest.approx(float(grid[3]["elbo"]), rel=1e-4)
    assert cli.main(["train", "--data", str(rows), "--out", str(tmp_path / "two"), *SMALL]) == 2
    assert "use vaejax sweep" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()


def test_a_report_is_written_again_and_a_data_set_described(rows, finished, capsys):
    assert cli.main(["report", str(finished)]) == 0  # with what another test may have measured
    before = (finished / "report.html").read_text()
    (finished / "report.html").unlink()
    assert cli.main(["report", str(finished)]) == 0
    assert (finished / "report.html").read_text() == before
    assert cli.main(["data", str(rows)]) == 0
    said = capsys.readouterr().out
    assert "train 48, validation 6, test 6" in said
    assert json.loads((finished / "config.json").read_text())["data"]["sha256"] in said


def test_a_file_in_the_place_of_an_evaluation_is_named(finished, tmp_path, capsys):
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    shutil.copy(out / "results.nc", out / "evaluation.nc")
    assert cli.main(["doctor", str(out)]) == 2
    assert "evaluation.nc is nothing that vaejax evaluate wrote" in capsys.readouterr().err


def test_the_doctor_names_what_went_wrong_and_what_to_run(rows, finished, capsys):
    """Three epochs are too few, and noise has nothing that codes could say."""
    before = {path.name: path.stat().st_mtime_ns for path in finished.iterdir()}
    assert cli.main(["doctor", str(finished)]) == 0
    said = capsys.readouterr().out
    assert "Posterior collapse. " in said
    assert f"    vaejax sweep --data {rows} " in said
    assert f"--epochs 3 --hidden 4 --batch-size 16 --num-samples 4 --out {finished}-" in said
    assert "Not looked for: holes in the aggregate posterior; the table has no marginal_kl, information." in said
    assert {path.name: path.stat().st_mtime_ns for path in finished.iterdir()} == before
    assert cli.main(["doctor", str(finished / "nowhere")]) == 2
    assert "finished run" in capsys.readouterr().err


def sweeping(rows, out, *more):
    command = [sys.executable, "-m", "vaejax.cli", "sweep", "--data", str(rows), "--out", str(out), *SMALL, *more]
    with said_by(out).open("w") as said:
        return subprocess.Popen(command, stderr=said, env={**os.environ, "JAX_NUM_CPU_DEVICES": "1"})


def said_by(out):
    return out.with_suffix(".stderr")


def until_it_trains(running, out):
    deadline = time.monotonic() + 300
    while not (out / "history.jsonl").exists():
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_with_its_code_and_it_goes_on(rows, tmp_path, number, code):
    out, epochs = tmp_path / "out", ["--epochs", "3000"]
    running = sweeping(rows, out, *epochs)
    until_it_trains(running, out)
    running.send_signal(number)
    assert running.wait(timeout=120) == code
    assert "--resume goes on from here" in said_by(out).read_text()
    assert any((out / "checkpoints").iterdir())
    again = sweeping(rows, out, *epochs, "--resume")
    assert again.wait(timeout=300) == 0
    whole = sweeping(rows, tmp_path / "whole", *epochs)
    assert whole.wait(timeout=300) == 0
    assert (out / "results.csv").read_bytes() == (tmp_path / "whole" / "results.csv").read_bytes()
    assert (out / "history.jsonl").read_bytes() == (tmp_path / "whole" / "history.jsonl").read_bytes()


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_killed_at_twenty_random_moments_it_ends_with_the_same_bytes(rows, tmp_path):
    """SIGKILL, from before the first checkpoint to while results are written; each time it goes on."""
    epochs = ["--epochs", "4000", "--save-every", "0"]
    assert sweeping(rows, tmp_path / "whole", *epochs).wait(timeout=300) == 0
    out, random, kills, begun = tmp_path / "out", np.random.default_rng(0), 0, 0
    while kills < 20:
        running = sweeping(rows, out, *epochs, "--resume")
        try:
            code = running.wait(timeout=random.uniform(1, 12))
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            kills += 1
            begun += (out / "checkpoints").exists()
        else:
            assert code == 0, said_by(out).read_text()
            for name in ("results.csv", "history.jsonl"):
                assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
            shutil.rmtree(out)
    assert begun >= 5
    assert sweeping(rows, out, *epochs, "--resume").wait(timeout=300) == 0
    for name in ("results.csv", "history.jsonl"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.long
def test_the_likelihoods_of_the_command_line_all_train(rows, tmp_path):
    for name in ("optimal_normal", "continuous_bernoulli"):
        out = tmp_path / name
        assert cli.main(["sweep", "--data", str(rows), "--out", str(out), "--likelihood", name, *SMALL]) == 0
    out = tmp_path / "drawn"
    assert cli.main(["sweep", "--data", str(rows), "--out", str(out), "--binarise", "dynamic", *SMALL]) == 0
    assert "Bernoulli" in json.loads((out / "config.json").read_text())["data"]["preparation"]


@pytest.mark.long
def test_the_module_trains_on_as_many_threads_as_there_are_cores(rows, tmp_path):
    """In a process of its own: members side by side where the answer is the plan that is guessed."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "vaejax.cli", "sweep", "--data", str(rows), "--out", str(out), *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "config.json").read_text())["devices"]["count"] == 1
    lanes = min(len(os.sched_getaffinity(0)), 4)  # members
    assert f"lanes={lanes}" in done.stderr or lanes == 1
    assert "epoch 3/3" in done.stderr
