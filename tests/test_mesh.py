"""Members over some devices, the batch of a step over others: the same numbers, and what devices say to each other."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
import xarray as xr
from jax.sharding import Mesh

import vaejax as vj
from benchmarks.aot import collectives_in
from vaejax import cli, store
from vaejax.commands import _run
from vaejax.errors import OutputError, Stopped, VaejaxError, VaejaxWarning
from vaejax.grid import _feed, _train, _training, joined
from vaejax.grid._mesh import mesh_for, mesh_text, usable
from vaejax.grid._run import training_key
from vaejax.plans import mesh_sizes
from vaejax.train import Batches, order

ROWS = np.random.default_rng(0).integers(0, 2, (60, 4)).astype(np.uint8)
SWEEP = ["sweep", "--beta", "1", "2", "--latent-size", "1", "--seeds", "1", "--epochs", "3", "--width", "4"]
NAMES = ("elbo", "log_likelihood", "rate", "history_validation", "history_value", "history_rate")
OBJECTIVES = {"elbo": vj.objectives.elbo, "beta_tc": vj.objectives.beta_tc}  # of examples, and of a batch


def train(objective="elbo", **options):
    """Five members, whose last batch of an epoch is padded."""

    def member(beta):
        net = vj.nets.mlp(4)
        model = vj.vae(net, net, data_shape=(4,), latent_size=2, likelihood=vj.likelihoods.bernoulli())
        return vj.trainer(model, OBJECTIVES[objective](beta), optax.adam(1e-2))

    settings = {"beta": [0.5, 1.0, 2.0, 4.0, 8.0], "epochs": 4, "plan": vj.together, **options}
    return vj.sweep(member, ROWS, **{"num_samples": 2, "batch_size": 16, **settings})


def stopping(at):
    times = iter(range(at))
    return lambda: 0 if next(times, None) is not None else 15


@contextlib.contextmanager
def streamed():
    """A context in which a split is read step by step, and the rows that were: `[step, place]` each time."""
    before, read = (_feed.RESIDENT, _feed.WINDOW, _feed.Ahead), []

    def ahead(function):
        return before[2](lambda rows: read.append(rows) or function(rows))

    _feed.RESIDENT, _feed.WINDOW, _feed.Ahead = 0, 1, ahead
    try:
        yield read
    finally:
        _feed.RESIDENT, _feed.WINDOW, _feed.Ahead = before


def eight(folder):
    """What eight devices do, in a process of its own: the numbers of each run and the programs that trained it."""
    assert jax.device_count() == 8
    texts, advance = {}, _training.Training.advance

    def seen(self, first, num):
        texts[mesh_text(self.mesh)] = self.step.as_text(), (self.step.cost_analysis() or {})["flops"]
        return advance(self, first, num)

    _training.Training.advance = seen
    found = {
        "members": train(),
        "elbo": train(mesh=vj.mesh(data=8), plan=vj.Plan(1, lanes=2)),
        "beta_tc": train("beta_tc", mesh=vj.mesh_of("grid=4,data=2")),
    }
    with streamed() as read, pytest.MonkeyPatch.context() as patch:
        window, parts = _training.Training.window, set()

        def looked_at(self, first, num):
            made = window(self, first, num)
            parts.update(shard.data.shape for shard in made[0].x.addressable_shards)
            return made

        patch.setattr(_training.Training, "window", looked_at)
        found["streamed"] = train(mesh=vj.mesh(grid=4, data=2))
        texts["streamed"] = texts.pop("grid=4,data=2")
        sizes = [sorted(parts), sorted({rows.shape for rows in read})]
        (folder / "sizes.json").write_text(json.dumps(sizes))
    with jax.enable_x64(True):
        found["float64"] = train(mesh=vj.mesh(grid=2, data=2), batch_size=8)
    _train.SECONDS = 1e-9
    try:
        train(mesh=vj.mesh(grid=4, data=2), keep=vj.Keeper(folder / "run", 0.0, stopping(6)))
    except Stopped:
        (folder / "texts.json").write_text(json.dumps(texts))
    for name, result in found.items():
        noted(folder / f"{name}.npz", result)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("eight")
    here = Path(__file__).parent
    code = "import sys; sys.path[:0] = sys.argv[1:3]; import conftest, pathlib, test_mesh\n"
    code += "test_mesh.eight(pathlib.Path(sys.argv[3]))"
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    command = [sys.executable, "-c", code, str(here), str(here.parent), str(made)]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, "XLA_FLAGS": flags})
    return made


def noted(path, result):
    np.savez(path, **{each: result.dataset[each].values for each in NAMES})


def agree(folder, name, expected, tolerance):
    found = np.load(folder / f"{name}.npz")
    for each in NAMES:
        np.testing.assert_allclose(found[each], expected.dataset[each], rtol=tolerance, atol=tolerance, err_msg=each)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_split_batch_is_the_batch(folder, objective):
    agree(folder, objective, train(objective), 1e-5)


def test_it_is_to_rounding(folder, float64):
    agree(folder, "float64", train(batch_size=8), 1e-8)


def test_devices_talk_where_they_share_a_batch_and_nowhere_else(folder):
    texts = json.loads((folder / "texts.json").read_text())
    streamed, _ = texts.pop("streamed")
    assert collectives_in(streamed) == collectives_in(texts["grid=1,data=8"][0]) == ["all-reduce"]
    assert set(texts) == {"grid=5,data=1", "grid=4,data=2", "grid=1,data=8", "grid=2,data=2"}
    for mesh, (text, _) in texts.items():
        assert bool(collectives_in(text)) == (not mesh.endswith("data=1")), mesh


def test_each_device_does_its_part_of_a_batch(folder):
    """Of one member: an eighth of the products of a batch, and all of what is done to the parameters."""
    texts = json.loads((folder / "texts.json").read_text())
    assert texts["grid=1,data=8"][1] < 0.5 * texts["grid=5,data=1"][1]


def test_each_device_is_sent_its_part_of_a_batch_that_is_read_once(folder):
    agree(folder, "streamed", train(), 1e-5)
    assert json.loads((folder / "sizes.json").read_text()) == [[[1, 8, 4]], [[1, 16]]]


def test_a_run_goes_on_with_fewer_devices(folder):
    expected = train()
    with pytest.warns(VaejaxWarning) as told:
        again = train(keep=folder / "run")
    said = " ".join(str(one.message) for one in told)
    assert "other devices than before" in said
    assert "other mesh than before" in said
    for each in NAMES:
        np.testing.assert_allclose(again.dataset[each], expected.dataset[each], rtol=1e-5, atol=1e-5, err_msg=each)


def worker(rank, address, out):
    """One of two processes with two devices each; a batch is split over all four."""
    with joined(address, 2, rank):
        found = train(mesh=vj.mesh(data=4), plan=None)
        noted(out / f"whole-{rank}.npz", found)
        with streamed() as read:
            found = train(mesh=vj.mesh(data=4))
        noted(out / f"streamed-{rank}.npz", found)
        np.save(out / f"read-{rank}.npy", np.concatenate(read))
        with pytest.raises(VaejaxError, match=r"a device of every process, and it has none of \[1\]"):
            train(mesh=vj.mesh(grid=2))
        _train.SECONDS = 1e-9
        with pytest.raises(Stopped):  # where one of them is asked to
            train(plan=vj.Plan(2, waves=2), keep=vj.Keeper(out / "run", 0.0, stopping(20) if rank else lambda: 0))
        shutil.copytree(out / "run", out / f"copy-{rank}")
        kept = train(plan=vj.Plan(2, waves=2), keep=out / "run")
        noted(out / f"kept-{rank}.npz", kept)
        full = out / "full"
        full.write_text("a file where the folder of checkpoints is to be")
        with pytest.raises(OutputError, match="cannot keep checkpoints in"):  # in both, though one looks
            train(keep=full)


def two(script, folder, *more):
    """Two processes that know where the first listens; what each has said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": str(Path(__file__).parent.parent)}
    how = {"cwd": folder, "env": environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with contextlib.ExitStack() as stack:  # which closes their pipes, whatever happens here
        both = [
            stack.enter_context(subprocess.Popen([sys.executable, *script(address, rank), *more], **how, **pipes))
            for rank in range(2)
        ]
        try:
            said = [[_without_gloo(text) for text in one.communicate(timeout=400)] for one in both]
        finally:
            for one in both:
                one.kill()
    return [one.returncode for one in both], said


def _without_gloo(text):
    """Without what a library of jax says by itself."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("[Gloo]"))


@pytest.mark.long
def test_two_processes_return_what_one_does_and_their_run_goes_on_in_one(tmp_path):
    here = Path(__file__).parent
    code = "import sys; sys.path[:0] = sys.argv[1:3]; import conftest, pathlib, test_mesh\n"
    code += "test_mesh.worker(int(sys.argv[3]), sys.argv[4], pathlib.Path(sys.argv[5]))"
    ended, said = two(
        lambda address, rank: ["-c", code, str(here), str(here.parent), str(rank), address, str(tmp_path)], tmp_path
    )
    assert ended == [0, 0], said
    expected = train()
    for name in ("whole", "streamed", "kept"):
        agree(tmp_path, f"{name}-0", expected, 1e-5)
        found = [np.load(tmp_path / f"{name}-{rank}.npz") for rank in range(2)]
        for each in NAMES:
            np.testing.assert_array_equal(found[0][each], found[1][each], err_msg=each)
    batches = Batches(lambda key, raw: raw, 16, 48)
    steps = np.concatenate([order(batches, training_key(0), epoch) for epoch in range(5)])
    for rank, places in enumerate((slice(0, 8), slice(8, 16))):  # what is read are its own places of each batch
        read = {tuple(rows) for rows in np.load(tmp_path / f"read-{rank}.npy").tolist()}
        own = [tuple(rows) for rows in steps[:, places].tolist()]
        assert {*own[: 4 * batches.num_steps]} <= read <= {*own[: 4 * batches.num_steps + 1]}  # one is read ahead
    note = store.contents(max((tmp_path / "copy-0").iterdir())).note
    assert (note["first"], note["size"]) == (3, 2)
    with pytest.warns(VaejaxWarning, match="other devices than before"):
        again = train(plan=vj.Plan(2, waves=2), keep=tmp_path / "copy-0")
    for each in NAMES:
        np.testing.assert_allclose(again.dataset[each], expected.dataset[each], rtol=1e-5, atol=1e-5, err_msg=each)


@pytest.mark.long
def test_the_command_line_trains_in_two_processes(rows, tmp_path):
    def asked(address, rank):
        hosts = ["--coordinator", address, "--processes", "2", "--process", str(rank)]
        return ["-m", "vaejax.cli", *SWEEP, "--data", str(rows), "--out", "run", *hosts]

    ended, said = two(asked, tmp_path)
    assert ended == [0, 0], said
    assert "The report: run/report.html" in said[0][0]
    assert said[1][0] == ""
    assert "epoch 3/3" not in said[1][1]
    assert cli.main([*SWEEP, "--data", str(rows), "--out", str(tmp_path / "alone")]) == 0
    found, alone = (xr.open_dataset(tmp_path / name / "results.nc") for name in ("run", "alone"))
    np.testing.assert_allclose(found["elbo"], alone["elbo"], rtol=1e-5)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(
        path.name for path in (tmp_path / "alone").iterdir()
    )
    ended, said = two(asked, tmp_path)
    assert ended == [2, 2]
    assert all("run holds a finished run" in err for _, err in said)
    ended, said = two(asked, tmp_path, "--resume")
    assert ended == [0, 0]
    assert [out.startswith("The run in run is finished") for out, _ in said] == [True, False]


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        (["--coordinator", "here"], "expected a coordinator as HOST:PORT, or auto, got 'here'"),
        (["--coordinator", "here:1"], "say how many processes there are and which of them this is, from 0"),
        (["--processes", "2", "--process", "0"], "go with a coordinator, as HOST:PORT"),
        (["--coordinator", "here:1", "--processes", "2", "--process", "2"], "process must be from 0 to 1"),
        (["--coordinator", "here:1", "--processes", "0", "--process", "0"], "processes must be at least 1, got 0"),
    ],
)
def test_processes_that_cannot_be_joined_are_refused(hosts, words, rows, tmp_path, capsys):
    assert cli.main([*SWEEP, "--data", str(rows), "--out", str(tmp_path / "run"), *hosts]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_batch_that_cannot_be_split_is_refused():
    devices = np.array([jax.devices()[0]] * 8).reshape(2, 4)
    mesh = Mesh(devices, ("member", "data"))
    assert usable(mesh, 16) is not None
    with pytest.raises(VaejaxError, match=r"multiple of 4, got 18: take batches of 16 or 20, or another mesh"):
        train(mesh=mesh, batch_size=18)
    with pytest.raises(VaejaxError, match=r"multiple of 4, got 3: take batches of 4, or"):
        train(mesh=mesh, batch_size=3)


@pytest.mark.parametrize("given", [(2, 1), "grid=2", "x"])
def test_what_is_no_mesh_is_refused(given):
    given = Mesh(np.array(jax.devices()[:1]), (given,)) if given == "x" else given
    with pytest.raises(VaejaxError, match="expected a mesh of the axes member and data, as"):
        train(mesh=given)


def test_no_device_is_left_without_a_member():
    devices = np.array([jax.devices()[0]] * 8).reshape(4, 2)
    assert mesh_text(mesh_for(3, Mesh(devices, ("member", "data")))) == "grid=3,data=2"
    assert mesh_text(mesh_for(9, Mesh(devices, ("member", "data")))) == "grid=4,data=2"


def test_more_devices_than_there_are_must_be_simulated():
    with pytest.raises(VaejaxError, match=r"needs 8 devices, and this machine has 1 \(cpu\).*device_count=8$"):
        vj.mesh(grid=4, data=2)
    with pytest.raises(VaejaxError, match="grid=1, data=2 needs 2 devices"):
        vj.mesh(data=2)


@pytest.mark.parametrize("text", ["", "4x2", "grid", "grid=0", "grid=-1", "grid=2,grid=2", "member=2", "data=two"])
def test_a_text_that_is_no_mesh_is_refused(text, rows, tmp_path, capsys):
    with pytest.raises(VaejaxError, match="expected a mesh as grid, data or both, like grid=4,data=2, got "):
        mesh_sizes(text)
    assert cli.main(["sweep", "--data", str(rows), "--out", str(tmp_path / "out"), "--mesh", text]) == 2
    said = capsys.readouterr().err
    assert said == f"vaejax: expected a mesh as grid, data or both, like grid=4,data=2, got {text!r}\n"
    assert not (tmp_path / "out").exists()


def test_the_command_line_trains_on_it(rows, tmp_path, capsys, monkeypatch):
    def sweep(*_, mesh, **more):
        raise VaejaxError(mesh_text(mesh))

    monkeypatch.setattr(_run, "sweep", sweep)
    assert cli.main(["sweep", "--data", str(rows), "--out", str(tmp_path / "out"), "--mesh", "data=1"]) == 2
    assert capsys.readouterr().err.endswith("vaejax: grid=1,data=1\n")


def test_the_command_line_says_how_to_have_more_devices(rows, tmp_path, capsys):
    assert cli.main(["sweep", "--data", str(rows), "--out", str(tmp_path / "out"), "--mesh", "grid=4,data=2"]) == 2
    assert "XLA_FLAGS=--xla_force_host_platform_device_count=8" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
