"""Members are added to a finished grid: those that were there stay as they were, and new ones are as in one grid."""

import contextlib
import csv
import json
import shutil

import jax
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import cli
from vaejax.commands import _run
from vaejax.errors import Stopped, VaejaxError
from vaejax.grid import _sweep, remeasured

ROWS = np.random.default_rng(0).integers(0, 2, (60, 4)).astype(np.uint8)
BASE = {"beta": [0.5, 1.0], "latent_size": [2], "seed": [0, 1]}
WIDER = {"beta": [4.0, 1.0, 2.0, 0.5], "latent_size": [2], "seed": [1, 0]}  # in another order
SETTINGS = {"epochs": 4, "num_samples": 4, "batch_size": 16, "plan": vj.in_turn}


def maker(rate=1e-2, room=2, hidden=4, weight=1.0):
    def member(beta, latent_size):
        net = vj.nets.mlp(hidden)
        model = vj.vae(
            net,
            net,
            data_shape=(4,),
            latent_size=latent_size,
            max_latent_size=room,
            likelihood=vj.likelihoods.bernoulli(),
        )
        return vj.trainer(model, vj.objectives.elbo(weight * beta), optax.adam(rate))

    return member


member = maker()


def train(function=member, data=ROWS, axes=WIDER, **options):
    return vj.sweep(function, data, **{**axes, **SETTINGS, **options})


@pytest.fixture(scope="module")
def base():
    return train(axes=BASE)


@pytest.fixture(scope="module")
def whole():
    return train()


@pytest.fixture(scope="module")
def grown(base):
    return train(onto=base)


def trained(monkeypatch):
    """The members, by beta and seed, of every program that is trained from now on."""
    found = []
    train_program = _sweep.train_program

    def noted(work, *more):
        found.append(list(zip(work.program.numbers["beta"].tolist(), work.program.seeds.tolist(), strict=True)))
        return train_program(work, *more)

    monkeypatch.setattr(_sweep, "train_program", noted)
    return found


def assert_same(one, other, where):
    """Every column and parameter of the members at these places, to the last bit."""
    columns = set(one.dataset.data_vars) & set(other.dataset.data_vars) - {"program", "taken"}
    assert {"elbo", "elbo_test_examples", "history_value", "objective_beta", "num_params", "status"} <= columns
    for place in where:
        for name in columns:
            mine, theirs = (result.dataset[name].sel(place).values for result in (one, other))
            np.testing.assert_array_equal(mine, theirs, err_msg=f"{name} at {place}")
        mine, theirs = (vj.extract(result, **place).params for result in (one, other))
        jax.tree.map(np.testing.assert_array_equal, mine, theirs)


def places(betas, sizes=(2,), seeds=(0, 1)):
    return [{"beta": beta, "latent_size": size, "seed": seed} for beta in betas for size in sizes for seed in seeds]


class TestBits:
    def test_what_was_there_stays(self, base, grown):
        assert_same(grown, base, places([0.5, 1.0]))
        assert set(grown.dataset.data_vars) - set(base.dataset.data_vars) == {"taken"}

    def test_what_is_new_is_as_in_one_grid(self, grown, whole):
        assert_same(grown, whole, places([2.0, 4.0]))

    def test_only_what_is_new_is_trained(self, base, monkeypatch):
        found = trained(monkeypatch)
        train(onto=base)
        assert found == [[(4.0, 1), (4.0, 0), (2.0, 1), (2.0, 0)]]

    def test_the_table_says_which(self, base, grown):
        taken = grown.dataset["taken"].isel(latent_size=0)
        np.testing.assert_array_equal(taken, [[0, 0], [1, 1], [0, 0], [1, 1]])
        assert grown.dataset.attrs["plan_taken"] == base.dataset.attrs["plan"]
        np.testing.assert_array_equal(grown.dataset["program"], 0)
        assert "taken" not in base.dataset

    def test_nothing_is_left_to_train(self, base, monkeypatch):
        found = trained(monkeypatch)
        again = train(axes=BASE, onto=base)
        assert found == []
        assert_same(again, base, places([0.5, 1.0]))

    def test_again_and_again(self, base, grown):
        third = train(axes={**WIDER, "seed": [0, 1, 2]}, onto=grown)
        assert_same(third, base, places([0.5, 1.0]))
        assert_same(third, grown, places([2.0, 4.0]))
        assert third.dataset["taken"].sum() == 8

    def test_what_had_diverged_stays_so(self):
        axes = {"beta": [1.0, 1e38], "latent_size": [2]}
        base = train(maker(1e30), axes=axes)
        grown = train(maker(1e30), axes={**axes, "seed": [1, 0]}, onto=base)
        assert (base.dataset["status"] == "diverged").any()
        assert_same(grown, base, places([1.0, 1e38], seeds=[0])[-1:])

    def test_axes_may_come_in_another_order_and_make_other_programs(self, monkeypatch):
        """Not to be masked: a program for each size; before there was one size, here are two, and its is the last."""

        def unmasked(latent_size, beta):
            posterior = vj.posteriors.full_normal(latent_size)
            model = vj.vae(
                vj.nets.mlp(4), vj.nets.mlp(4), data_shape=(4,), latent_size=latent_size, posterior=posterior
            )
            return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

        base = train(unmasked, ROWS / 1.0, {"latent_size": [2], "beta": [1.0], "seed": [3]})
        found = trained(monkeypatch)
        axes = {"seed": [2, 3], "beta": [2.0, 1.0], "latent_size": [1, 2]}
        grown = train(unmasked, ROWS / 1.0, axes, onto=base)
        all_of_them = [(2.0, 2), (1.0, 2), (2.0, 3), (1.0, 3)]
        assert [sorted(one) for one in found] == [sorted(all_of_them), sorted(all_of_them[:3])]
        assert_same(grown, base, places([1.0], seeds=[3]))
        assert_same(grown, train(unmasked, ROWS / 1.0, axes), places([2.0], [1, 2], [2, 3]))

    def test_a_whole_program_may_be_there(self, monkeypatch):
        def named(beta, latent_size, net):
            return maker(hidden=int(net))(beta, latent_size)

        axes = {"beta": [1.0, 2.0], "latent_size": [2]}
        base = train(named, axes={**axes, "net": ["8"]})
        found = trained(monkeypatch)
        grown = train(named, axes={**axes, "net": ["4", "8", "6"]}, onto=base)
        assert len(found) == 2
        np.testing.assert_array_equal(grown.dataset["program"].isel(beta=0, latent_size=0, seed=0), [0, 1, 2])
        assert_same(grown, base, [{"beta": beta, "latent_size": 2, "net": "8", "seed": 0} for beta in (1.0, 2.0)])


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"epochs": 5}, "epochs was 4 and is now 5"),
            ({"batch_size": 8}, "batch_size was 16 and is now 8"),
            ({"drop_last": True}, "drop_last was 0 and is now 1"),
            ({"num_samples": 5}, "num_samples was 4 and is now 5"),
            ({"until": vj.patience(3)}, r"until was none and is now patience\(3, 0\)"),
            ({"data": 1 - ROWS}, "the data were others"),
            ({"function": maker(rate=2e-2)}, "does not train what the result holds at beta=1.0"),
            ({"function": maker(weight=2.0)}, "does not train what the result holds"),
            ({"function": maker(hidden=5)}, r"the parameter \S+ was float32\[.*4\] and is now float32\[.*5\]"),
            ({"function": maker(room=3)}, "max_latent_size, the room for latents, was 2 and is now 3"),
            ({"axes": {**WIDER, "beta": [8.0, 1.5]}}, "no member of the result is in this grid.* beta: 0.5, 1.0"),
        ],
        ids=lambda value: value if isinstance(value, str) else next(iter(value)),
    )
    def test_rows_that_could_not_be_compared(self, base, options, words, monkeypatch):
        found = trained(monkeypatch)
        with pytest.raises(VaejaxError, match=words):
            train(**options, onto=base)
        assert found == []

    def test_all_that_differs_is_named(self, base):
        with pytest.raises(VaejaxError, match="epochs was 4 and is now 5; num_samples was 4 and is now 3"):
            train(epochs=5, num_samples=3, onto=base)

    def test_other_axes(self, base):
        with pytest.raises(VaejaxError, match=r"the axes of the result are beta, latent_size, seed, and .* beta, seed"):
            vj.sweep(lambda beta: member(beta, 2), ROWS, beta=[1.0], onto=base, **SETTINGS)

    def test_a_result_that_does_not_say(self, base):
        attrs = {name: value for name, value in base.dataset.attrs.items() if name != "data_sha256"}
        with pytest.raises(VaejaxError, match="does not say its data_sha256"):
            train(onto=base._replace(dataset=base.dataset.drop_attrs().assign_attrs(attrs)))

    def test_the_plan_may_be_another(self, base):
        grown = train(plan=vj.together, onto=base)
        assert_same(grown, base, places([0.5, 1.0]))
        assert grown.dataset.attrs["plan_taken"] == "at_once=1 (as asked)"
        assert grown.dataset.attrs["plan"] == "at_once=all (as asked)"

    def test_members_of_one_result_measured_with_other_draws(self, base):
        data = vj.data.load(ROWS)
        other = base._replace(dataset=remeasured(base, data, 8))
        with pytest.raises(VaejaxError, match="num_samples was 8 and is now 4"):
            train(onto=other)


class TestKept:
    @pytest.mark.parametrize("num", [1, 6])
    def test_it_goes_on_in_the_middle(self, base, grown, tmp_path, num):
        times = iter(range(num))
        with pytest.raises(Stopped):
            train(onto=base, keep=vj.Keeper(tmp_path, 0.0, lambda: 15 if next(times, 9) == 9 else 0))
        again = train(onto=base, keep=tmp_path)
        assert_same(again, grown, places([0.5, 1.0, 2.0, 4.0]))
        np.testing.assert_array_equal(again.dataset["taken"], grown.dataset["taken"])

    def test_but_not_onto_something_else(self, base, grown, tmp_path):
        train(onto=base, keep=tmp_path)
        assert_same(train(onto=base, keep=tmp_path), grown, places([0.5, 1.0, 2.0, 4.0]))
        changed = base._replace(params=tuple(jax.tree.map(lambda leaf: leaf + 1, one) for one in base.params))
        for other in (None, changed):
            with pytest.raises(VaejaxError, match="onto was"):
                train(onto=other, keep=tmp_path)


SMALL = "--latent-size 2 --seeds 1 --epochs 3 --hidden 4 --batch-size 16 --num-samples 4 --plan in_turn".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def run(rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("onto") / "a"
    assert cli.main(["sweep", "--data", str(rows), "--out", str(out), "--beta", "1", "4", *SMALL]) == 0
    return out


def sweep(rows, out, *more):
    return cli.main(["sweep", "--data", str(rows), "--out", str(out), *SMALL, "--beta", "1", "2", "4", *more])


class TestCommand:
    def test_a_run_goes_onto_another(self, rows, run, tmp_path, monkeypatch):
        found = trained(monkeypatch)
        assert sweep(rows, tmp_path / "b", "--onto", str(run)) == 0
        assert found == [[(2.0, 0)]]
        assert sweep(rows, tmp_path / "c") == 0
        before, grown, whole = ((path / "results.csv").read_text() for path in (run, tmp_path / "b", tmp_path / "c"))
        assert set(before.splitlines()) < set(grown.splitlines())
        for mine, theirs in zip(*(csv.DictReader(text.splitlines()) for text in (grown, whole)), strict=True):
            for name in mine.keys() - {"status"}:  # one member alone is measured by another program than three
                assert float(mine[name]) == pytest.approx(float(theirs[name]), rel=1e-5)
        written = [json.loads(line) for line in (tmp_path / "b" / "history.jsonl").read_text().splitlines()]
        assert [[row["beta"] for row in line["members"]] for line in written[:-1]] == [[2.0]] * 3
        assert [row["objective_beta"] for row in written[-1]["objective"]["members"]] == [1.0, 2.0, 4.0]

        assert sweep(rows, tmp_path / "d", "--onto", str(tmp_path / "b"), "--seeds", "2") == 0
        again = list(csv.DictReader((tmp_path / "d" / "results.csv").read_text().splitlines()))
        assert [row for row in again if row["seed"] == "0"] == list(csv.DictReader(grown.splitlines()))
        mine, theirs = (vj.load_member(path, beta=4.0, seed=0).params for path in (tmp_path / "d", run))
        jax.tree.map(np.testing.assert_array_equal, mine, theirs)

    def test_a_run_that_was_stopped_goes_on(self, rows, run, tmp_path, monkeypatch):
        """Two widths, a program each, of which the first is there: the history has no line of it."""
        more = ["--onto", str(tmp_path / "first"), "--width", "4", "5"]
        assert sweep(rows, tmp_path / "first", "--width", "4") == 0
        assert sweep(rows, tmp_path / "whole", *more) == 0
        for num in (1, 2):
            times = iter(range(num))
            resumed = ["--resume"] if num > 1 else []
            with monkeypatch.context() as patched:
                stop = contextlib.nullcontext(lambda times=times: 15 if next(times, 9) == 9 else 0)
                patched.setattr(_run, "asked_to_stop", lambda stop=stop: stop)
                assert sweep(rows, tmp_path / "b", *more, "--save-every", "0", *resumed) == 143
        assert sweep(rows, tmp_path / "b", "--width", "4", "5", "--resume") == 2
        with (tmp_path / "b" / "history.jsonl").open("a") as file:
            file.write('{"segment": 5, "epoch": 3}\n')  # as if it had been killed after what was saved
        assert sweep(rows, tmp_path / "b", *more, "--resume") == 0
        for name in ("results.csv", "results.nc", "history.jsonl", "answer.json"):
            assert (tmp_path / "b" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            (["--epochs", "4"], "--epochs was 3 and is now 4"),
            (["--net", "mlp", "--hidden", "5"], "--hidden was 4 and is now 5"),
            (["--patience", "3"], "--patience was not given and is now 3"),
            (["--beta", "1", "2"], "--beta had 4.0, and has not now"),
            (["--first-seed", "1"], "--first-seed with --seeds had 0, and has not now"),
            (["--width", "4"], "--width was not given and is now"),
            (["--latent-size", "2", "3"], "--widest, the room for latents, was 2 and is now 3"),
            (["--num-samples", "5"], "num_samples was 4 and is now 5"),
            (
                ["--batch-size", "8", "--warm-up", "1"],
                "--warm-up was 0.0 and is now 1.0; --batch-size was 16 and is now 8",
            ),
        ],
        ids=lambda words: None,
    )
    def test_what_differs_is_one_line_and_nothing_is_written(self, rows, run, tmp_path, capsys, more, words):
        assert sweep(rows, tmp_path / "b", "--onto", str(run), *more) == 2
        error = capsys.readouterr().err
        said = error[error.index("vaejax: ") :]
        assert words in said
        assert said.count("\n") == 1
        assert not (tmp_path / "b").exists()

    def test_other_data_and_no_run(self, rows, run, tmp_path, capsys):
        np.save(tmp_path / "other.npy", 1 - np.load(rows))
        assert sweep(tmp_path / "other.npy", tmp_path / "b", "--onto", str(run)) == 2
        assert "the data were others" in capsys.readouterr().err
        np.save(tmp_path / "moved.npy", np.load(rows))
        assert sweep(tmp_path / "moved.npy", tmp_path / "b", "--onto", str(run)) == 0
        capsys.readouterr()
        assert sweep(rows, tmp_path / "c", "--onto", str(tmp_path)) == 2
        assert "there is no answer.json" in capsys.readouterr().err
        assert not (tmp_path / "c").exists()

    def test_what_started_from_a_source(self, rows, run, tmp_path, capsys):
        copy = shutil.copytree(run, tmp_path / "copy")
        (copy / "transfer.json").write_text("{}")
        assert sweep(rows, tmp_path / "b", "--onto", str(copy)) == 2
        assert "started from a source" in capsys.readouterr().err
