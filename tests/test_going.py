"""Pictures of members of a run that goes on, from its checkpoints, whatever becomes of those."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr
from stops import stopped_after

from vaejax import cli, folder, report, saved, showing, store
from vaejax.commands import _run
from vaejax.grid import _saved, extract, member_at
from vaejax.numerics import leaves_by_path
from vaejax.report._order import ranked
from vaejax.showing import _folder, _going
from vaejax.showing._pictures import NUM_PLACED, examples_of

SMALL = "--beta 1 --latent-size 1 2 --seeds 2 --hidden 4 --batch-size 16 --num-samples 4"
SPLITS = {"train": 48, "validation": 10, "test": 20}
WIDTHS = ("--width", "4", "8")
FAST = ("--learning-rate", "0.5")  # so that the best on validation is not the last


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "rows.npz"
    rng = np.random.default_rng(0)
    np.savez(path, **{name: rng.integers(0, 256, (num, 4, 4)).astype(np.uint8) for name, num in SPLITS.items()})
    return path


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """Trains a grid of 3 epochs of 3 steps; with `looks`, until it has looked so often whether it is to stop."""
    root = tmp_path_factory.mktemp("runs")
    made: dict[tuple, Path] = {}

    def trained(*more, looks=None):
        out = root / str(len(made))
        words = ["sweep", "--data", str(data), "--out", str(out), *SMALL.split(), "--epochs", "3", *more]
        if (more, looks) not in made:
            made[more, looks] = out
            if looks is None:
                assert cli.main(words) == 0
            else:
                with stopped_after(_run, looks):
                    assert cli.main(words) == 143
        return made[more, looks]

    return trained


def place_of(path):
    """Program, members before, and step of the newest checkpoint."""
    newest = max(one.name for one in (path / folder.CHECKPOINTS).iterdir())
    return tuple(map(int, newest.split("-")))


def copied(path, tmp_path):
    return Path(shutil.copytree(path, tmp_path / "copy"))


def so_far(path):
    config, noted = folder.read_config(path)
    return saved.so_far(path, config, noted, showing.read_shown(path).dataset)


def same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def damage(path):
    """One byte of the largest file below."""
    file = max((file for file in path.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


class TestMembers:
    def test_they_are_what_the_checkpoint_keeps_of_each(self, run):
        """By the names under which arrays are stored, and the structure of the finished run."""
        path, whole = run(*FAST, looks=2), saved.open_run(run(*FAST)).result
        assert place_of(path) == (0, 0, 6)
        (newest,) = (path / folder.CHECKPOINTS).iterdir()
        arrays, _ = store.read(newest)
        names = leaves_by_path(whole.params[0])
        kept = jax.tree.unflatten(
            jax.tree.structure(whole.params[0]), [arrays[f"training/1/params/{n}"] for n in names]
        )
        now = {n: arrays[f"training/0/0/params/{n}"] for n in names}
        assert any((now[n] != arrays[f"training/1/params/{n}"]).any() for n in names)  # not all are at their best
        shown = showing.read_shown(path)
        examples = examples_of(saved.open_run(run(*FAST)).data, NUM_PLACED)
        assert sorted(shown.portraits) == list(range(4))
        for place in (1, 3):  # of one latent and two
            portrait = shown.portraits[place]
            model, params = member_at(whole.programs, (kept,), place)
            alone = report.portrait_of(jax.random.key(0), model, params, examples)
            np.testing.assert_allclose(portrait.reconstructions, alone.reconstructions, atol=1e-5)
            np.testing.assert_allclose(portrait.samples, alone.samples, atol=1e-5)
            assert len(portrait.traversals) == len(alone.traversals) == (place + 1) // 2
            assert portrait.codes.points.shape == (20, 2)
            assert portrait.live is not None

    def test_at_the_end_of_training_they_are_those_of_the_finished_run(self, run):
        path, whole = run(*FAST, looks=4), saved.open_run(run(*FAST)).result
        assert place_of(path) == (0, 0, 9)
        assert (whole.dataset.best_epoch.values < 3).any()
        same(so_far(path).result.params, whole.params)

    @pytest.mark.long
    def test_those_of_an_earlier_program_and_of_the_one_in_training_have_pictures(self, run):
        path, whole = run(*WIDTHS, looks=10), saved.open_run(run(*WIDTHS)).result
        assert place_of(path) == (1, 0, 6)
        shown, found = showing.read_shown(path), so_far(path)
        assert sorted(shown.portraits) == list(range(8))
        assert "those in training have come to epoch 2 of 3 (step 6)" in shown.missing[-1]
        assert "have none" not in shown.missing[-1]
        same(found.result.params[0], whole.params[0])
        shapes = [[leaf.shape for leaf in jax.tree.leaves(one.params)] for one in (found.result, whole)]
        assert shapes[0] == shapes[1]
        model, params = extract(found.result, width=8, latent_size=2, seed=1)
        alone = report.portrait_of(jax.random.key(0), model, params, shown.examples)
        np.testing.assert_allclose(shown.portraits[7].reconstructions, alone.reconstructions, atol=1e-5)

    def test_those_that_were_not_looked_at_yet_have_none(self, run):
        path = run(*WIDTHS, looks=8)
        assert place_of(path) == (1, 0, 1)
        shown = showing.read_shown(path)
        assert [
            shown.dataset.width.values[np.unravel_index(at, shown.dataset.status.shape)[3]] for at in shown.portraits
        ] == [4] * 4
        assert "Of 8 members 4 have none" in shown.missing[-1]

    @pytest.mark.parametrize(("looks", "there"), [(2, [0, 1]), (8, [0, 1]), (9, [0, 1, 2, 3])])
    def test_those_of_earlier_waves_too(self, run, looks, there):
        more = ("--plan", "at_once=all,waves=2", *FAST)
        path, whole = run(*more, looks=looks), saved.open_run(run(*more)).result
        assert place_of(path)[:2] == (0, 0 if looks == 2 else 2)
        assert sorted(showing.read_shown(path).portraits) == there
        if looks == 9:
            same(so_far(path).result.params[0], jax.tree.map(lambda leaf: leaf[:2], whole.params[0]))

    def test_what_diverged_has_none(self, run):
        shown = showing.read_shown(run("--learning-rate", "0.01", "1e30", looks=2))
        rates = shown.dataset.learning_rate.values[
            np.unravel_index(list(shown.portraits), shown.dataset.status.shape)[2]
        ]
        assert rates.tolist() == [0.01] * 4
        assert "Of 8 members 4 have none" in shown.missing[-1]

    @pytest.mark.parametrize("who", ["checkpoint", "history"])
    def test_what_either_says_is_not_finite_has_none(self, run, monkeypatch, who):
        """A bound in training may be infinite where that on validation is not; or it came after the checkpoint."""
        path, find, table = run(*FAST, looks=2), saved.newest_in, _going._table
        finite = np.array([True, True, False, True])

        def found(*arguments):
            one = find(*arguments)
            return one._replace(arrays={**one.arrays, "finite": finite})

        def told(*arguments):
            dataset = table(*arguments)
            status = np.where(finite.reshape(dataset["status"].shape), "ok", "diverged")
            return dataset.assign(status=dataset["status"].copy(data=status))

        if who == "checkpoint":
            monkeypatch.setattr(saved, "newest_in", found)
        else:
            monkeypatch.setattr(_going, "_table", told)
        assert sorted(showing.read_shown(path).portraits) == [0, 1, 3]

    @pytest.mark.parametrize(("looks", "there"), [(0, []), (2, [0, 1])])
    def test_the_history_of_a_run_that_was_killed_tells_of_more_than_was_saved(self, run, tmp_path, looks, there):
        more = ("--plan", "at_once=all,waves=2", *FAST)
        path = copied(run(*more, looks=looks), tmp_path)
        shutil.copy(run(*more, looks=9) / "history.jsonl", path)
        shown = showing.read_shown(path)
        assert (shown.dataset.status.values == "ok").all()
        assert sorted(shown.portraits) == there
        if there:
            assert np.flatnonzero(so_far(path).result.dataset.status.values == "ok").tolist() == there

    @pytest.mark.long
    def test_those_taken_from_a_finished_run_wait_for_the_others(self, run):
        more = ("--beta", "1", "4", "--onto", str(run(*FAST)), *FAST)
        path, whole = run(*more, looks=4), saved.open_run(run(*more)).result
        assert sorted(showing.read_shown(path).portraits) == [4, 5, 6, 7]
        same(so_far(path).result.params[0], jax.tree.map(lambda leaf: leaf[4:], whole.params[0]))

    def test_the_best_so_far_come_first(self):
        curves = ("latent_size", "epoch"), [[-3.0, -2.0], [-1.0, -9.0], [-5.0, -1.0], [np.nan, np.nan]]
        table = {"history_validation": curves, "status": ("latent_size", ["ok", "ok", "ok", "not begun"])}
        dataset = xr.Dataset(table, {"latent_size": [1, 2, 3, 4], "epoch": [1, 2]})
        assert ranked([dataset], None) == ([2, 0, 1], [])


class TestPage:
    def test_it_has_their_pictures_and_the_commands_that_make_them(self, run):
        path = run(*WIDTHS, looks=8)
        assert cli.main(["report", str(path)]) == 0
        text = (path / "report.html").read_text()
        told = json.loads(text.split('id="data">')[1].split("</script>")[0])
        assert sorted(map(int, told["pictures"][0]["members"])) == sorted(showing.read_shown(path).portraits)
        assert all(one["samples"] and one["live"] for one in told["pictures"][0]["members"].values())
        assert "--width 8" in told["members"][2]["command"]
        assert "Pictures are of each member at its best so far on validation" in text

    def test_a_run_that_has_come_to_its_end_meanwhile_is_shown_as_finished(self, run, tmp_path, monkeypatch):
        path = copied(run(*FAST, looks=2), tmp_path)

        def slowly(path, before=showing.shown_so_far):
            shown = before(path)
            shutil.rmtree(path / folder.CHECKPOINTS)
            shutil.copytree(run(*FAST), path, dirs_exist_ok=True)
            return shown

        monkeypatch.setattr(_folder, "shown_so_far", slowly)
        assert showing.read_shown(path).answer is not None


class TestWithout:
    """The page is written, and says why there are no pictures."""

    def reason(self, path):
        assert cli.main(["report", str(path)]) == 0
        shown = showing.read_shown(path)
        assert (shown.portraits, shown.dataset.status.size) == ({}, 4)
        assert shown.missing[-1].startswith("There are no pictures of members: ")
        assert "\n" not in shown.missing[-1]
        assert shown.missing[-1].replace("'", "&#39;") in (path / "report.html").read_text()
        return shown.missing[-1]

    def test_before_anything_is_saved(self, run, tmp_path):
        path = copied(run(*FAST, looks=2), tmp_path)
        shutil.rmtree(path / folder.CHECKPOINTS)
        assert "nothing has been saved yet" in self.reason(path)

    def test_before_anybody_is_looked_at(self, run):
        path = run(*FAST, looks=0)
        assert place_of(path) == (0, 0, 1)
        assert "no member had been looked at on validation" in self.reason(path)

    def test_a_damaged_checkpoint(self, run, tmp_path):
        path = copied(run(*FAST, looks=2), tmp_path)
        damage(path / folder.CHECKPOINTS)
        assert "does not match its checksum" in self.reason(path)

    def test_the_checkpoint_of_another_grid(self, run, tmp_path):
        path = copied(run(*FAST, looks=2), tmp_path)
        config = json.loads((path / "config.json").read_text())
        config["config"]["latent_size"] = [1, 3]
        (path / "config.json").write_text(json.dumps(config))
        assert "is of another grid" in self.reason(path)

    def test_what_another_version_kept(self, run, tmp_path, monkeypatch):
        path = copied(run(*FAST, looks=2), tmp_path)
        monkeypatch.setattr(_saved, "WHERE", {*_saved.WHERE, "what a newer one notes"})
        assert "another version" in self.reason(path)

    def test_networks_of_other_shapes(self, run, tmp_path):
        path = copied(run(*FAST, looks=2), tmp_path)
        config = json.loads((path / "config.json").read_text())
        config["config"]["hidden"] = [5]
        (path / "config.json").write_text(json.dumps(config))
        assert "float32[4, 5], got float32[4, 4]" in self.reason(path)

    def test_a_search(self, run, tmp_path):
        path = copied(run(*FAST, looks=2), tmp_path)
        (path / "search.json").write_text("{}")
        assert "a search has them at its end" in self.reason(path)

    def test_without_its_data(self, run, tmp_path):
        path = copied(run(*FAST, looks=2), tmp_path)
        config = json.loads((path / "config.json").read_text())
        config["config"]["data"], config["data"]["file"] = "gone.npy", None
        (path / "config.json").write_text(json.dumps(config))
        assert "gone.npy" in self.reason(path)

    def test_where_the_run_has_the_device(self, run, tmp_path, monkeypatch):
        def full(*_):
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory\nwhile allocating")

        monkeypatch.setattr(_going, "drawn", full)
        reason = self.reason(copied(run(*FAST, looks=2), tmp_path))
        assert "RESOURCE_EXHAUSTED: out of memory; " in reason
        assert "JAX_PLATFORMS=cpu" in reason


class TestMeanwhile:
    """Checkpoints come and go while they are read."""

    @pytest.fixture
    def two(self, run, tmp_path):
        """Two checkpoints, after epoch 1 and 2."""
        path = copied(run(*FAST, looks=1), tmp_path)
        shutil.copytree(run(*FAST, looks=2) / folder.CHECKPOINTS, path / folder.CHECKPOINTS, dirs_exist_ok=True)
        assert sorted(one.name[-1] for one in (path / folder.CHECKPOINTS).iterdir()) == ["3", "6"]
        return path

    def test_where_the_newest_is_damaged_the_one_before_is_shown(self, two):
        assert so_far(two).step == 6
        damage(max((two / folder.CHECKPOINTS).iterdir()))
        shown = showing.read_shown(two)
        assert "epoch 1 of 3 (step 3)" in shown.missing[-1]
        assert len(shown.portraits) == 4

    def test_where_all_are_deleted_while_they_are_read_the_newest_then_is_read(self, run, tmp_path, monkeypatch):
        path, newer = copied(run(*FAST, looks=1), tmp_path), run(*FAST, looks=2) / folder.CHECKPOINTS
        read, num = store.read, iter(range(10))

        def slow(*arguments):
            if not next(num):
                shutil.rmtree(path / folder.CHECKPOINTS)
                shutil.copytree(newer, path / folder.CHECKPOINTS)
            return read(*arguments)

        monkeypatch.setattr(_saved.store, "read", slow)
        shown = showing.read_shown(path)
        assert "epoch 2 of 3 (step 6)" in shown.missing[-1]
        assert len(shown.portraits) == 4

    def test_where_they_are_always_deleted_it_says_so(self, run, tmp_path, monkeypatch):
        path = copied(run(*FAST, looks=1), tmp_path)
        read, num = store.read, iter(range(11, 100))

        def slower(where, *more):
            where.rename(where.with_name(f"0000-000000-{next(num):012d}"))
            return read(where, *more)

        monkeypatch.setattr(_saved.store, "read", slower)
        assert "no checkpoint can be read" in showing.read_shown(path).missing[-1]
        assert next(num) == 11 + _saved.TRIES

    def test_no_more_is_read_than_members_are_drawn_from(self, two, monkeypatch):
        read, found = store.read, []
        monkeypatch.setattr(_saved.store, "read", lambda *arguments: found.append(read(*arguments)) or found[-1])
        so_far(two)
        names = {name.rsplit("/params/")[0] for name in found[0][0]}
        assert names == {"finite", "training/1", "training/1/elbo"}
