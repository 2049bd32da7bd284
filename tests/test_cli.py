"""The command line: what it writes, what it refuses, and that it leaves nothing behind."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

from vaejax import cli

SMALL = "--beta 1 4 --latent-size 1 2 --seeds 1 --epochs 3 --hidden 4 --batch-size 16 --num-samples 4".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "rows.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (60, 4, 4)).astype(np.uint8))
    return path


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
    assert cli.main(["evaluate", str(finished), "--num-samples", "4"]) == 0
    assert capsys.readouterr().out == before
    (finished / "evaluation.csv").unlink()


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
    assert "cannot read the parameters" in capsys.readouterr().err


def test_stopping_leaves_the_place_as_it_was(rows, tmp_path, monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.history, "end_history", stop)
    assert cli.main(["sweep", "--data", str(rows), "--out", str(tmp_path / "out"), *SMALL]) == 130
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_sigterm_ends_with_143_and_leaves_nothing(rows, tmp_path):
    out = tmp_path / "out"
    long = [*SMALL, "--epochs", "100000"]
    command = [sys.executable, "-m", "vaejax.cli", "sweep", "--data", str(rows), "--out", str(out), *long]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ))
    deadline = time.monotonic() + 300
    while not (out / "history.jsonl").exists():
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=120) == 143
    assert not out.exists()


def test_the_likelihoods_of_the_command_line_all_train(rows, tmp_path):
    for name in ("optimal_normal", "continuous_bernoulli"):
        out = tmp_path / name
        assert cli.main(["sweep", "--data", str(rows), "--out", str(out), "--likelihood", name, *SMALL]) == 0
    out = tmp_path / "drawn"
    assert cli.main(["sweep", "--data", str(rows), "--out", str(out), "--binarise", "dynamic", *SMALL]) == 0
    assert "Bernoulli" in json.loads((out / "config.json").read_text())["data"]["preparation"]


def test_the_module_runs_on_as_many_devices_as_there_are_cores(rows, tmp_path):
    """In a process of its own, since jax is started here: the same numbers to float32, members side by side."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "vaejax.cli", "sweep", "--data", str(rows), "--out", str(out), *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "config.json").read_text())["devices"]["count"] == len(os.sched_getaffinity(0))
    assert "epoch 3/3" in done.stderr
