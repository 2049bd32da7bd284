"""Runs that survive: stopped, killed and damaged, they end with the bits of a run that was left alone."""

import errno
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import vaejax as vj
from vaejax import store
from vaejax.errors import OutputError, Stopped, VaejaxError, VaejaxWarning
from vaejax.grid import _feed, _keep, _saved

ROWS = np.random.default_rng(0).integers(0, 2, (60, 4)).astype(np.uint8)
TREE = {
    "kernel": jnp.arange(300.0).reshape(3, 100),
    "half": jnp.ones(5, jnp.bfloat16),
    "none": jnp.zeros((0, 3)),
    "count": np.int64(7),
    "key": jax.random.key(3),
    "pair": (jnp.zeros((), bool), [jnp.arange(4)]),
}


def member(beta, latent_size, width=4):
    net = vj.nets.mlp(width)
    model = vj.vae(
        net, net, data_shape=(4,), latent_size=latent_size, max_latent_size=3, likelihood=vj.likelihoods.bernoulli()
    )
    return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))


def train(built=member, data=ROWS, **options):
    settings = {"beta": [1.0, 2.0], "latent_size": [1, 3], "epochs": 6, "num_samples": 4, "batch_size": 16, **options}
    return vj.sweep(built, data, **settings)


def stopping(num):
    """Asks to stop at the so-manieth time it is asked."""
    times = iter(range(num))
    return lambda: 15 if next(times, None) is None else 0


def same(one, other):
    for name in one.dataset.data_vars:
        np.testing.assert_array_equal(one.dataset[name].values, other.dataset[name].values, err_msg=str(name))
    jax.tree.map(np.testing.assert_array_equal, one.params, other.params)


@pytest.fixture(scope="module")
def whole():
    return train()


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    """The folder of a run that was stopped; to be copied before it is used."""
    folder = tmp_path_factory.mktemp("halfway")
    with pytest.raises(Stopped):
        train(keep=vj.Keeper(folder, 0.0, stopping(4)))
    return folder


@pytest.fixture
def stopped(halfway, tmp_path):
    shutil.copytree(halfway, tmp_path, dirs_exist_ok=True)
    return tmp_path


class TestStore:
    def test_a_tree_comes_back_bit_by_bit(self, tmp_path):
        store.save(tmp_path / "a", TREE, {"step": 3})
        found = store.load(tmp_path / "a", TREE)
        assert jax.tree.structure(found) == jax.tree.structure(TREE)
        for name in ("kernel", "half", "none", "count"):
            assert np.asarray(found[name]).tobytes() == np.asarray(TREE[name]).tobytes()
        np.testing.assert_array_equal(jax.random.key_data(found["key"]), jax.random.key_data(TREE["key"]))
        assert store.contents(tmp_path / "a").note == {"step": 3}
        assert [path.name for path in tmp_path.iterdir()] == ["a"]

    @pytest.mark.parametrize(
        ("like", "words"),
        [
            ({"a": jnp.zeros(3)}, r"expected a as float32\[3\], got float32\[2\]"),
            ({"a": jnp.zeros(2, int)}, r"expected a as int32\[2\], got float32\[2\]"),
            ({"b": jnp.zeros(2)}, "the array a was not expected"),
            ({"a": jnp.zeros(2), "b": jnp.zeros(2)}, "the array b is not there"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, tmp_path, like, words):
        store.save(tmp_path / "a", {"a": jnp.ones(2)})
        with pytest.raises(VaejaxError, match=words):
            store.load(tmp_path / "a", like)

    def test_one_byte_flipped_anywhere_is_found_or_harmless(self, tmp_path):
        tree = {"kernel": np.random.default_rng(0).normal(size=(20, 30)), "zeros": np.zeros(1000, np.float32)}
        store.save(tmp_path / "good", tree, {"step": 3})
        random.seed(0)
        found = 0
        files = sorted(path for path in (tmp_path / "good").rglob("*") if path.is_file() and path.stat().st_size)
        for file in [random.choice(files) for _ in range(50)]:
            bad = tmp_path / "bad"
            shutil.copytree(tmp_path / "good", bad)
            place = bad / file.relative_to(tmp_path / "good")
            content = bytearray(place.read_bytes())
            content[random.randrange(len(content))] ^= 1 << random.randrange(8)
            place.write_bytes(content)
            try:
                arrays, note = store.read(bad)
                assert note == {"step": 3}
                for name, array in tree.items():
                    np.testing.assert_array_equal(arrays[name], array)
            except VaejaxError as error:
                found += "\n" not in str(error)
            shutil.rmtree(bad)
        assert found == 50

    def test_a_wrong_number_that_is_stored_well_is_found_by_its_checksum(self, tmp_path, monkeypatch):
        """As if a bit had been flipped in memory, after the checksum and before the disk, or on a disk without one."""
        noted = store._noted
        monkeypatch.setattr(store, "_noted", lambda name, array: noted(name, array)._replace(crc32=1))
        store.save(tmp_path / "a", {"kernel": np.ones(3)})
        monkeypatch.undo()
        with pytest.raises(VaejaxError, match="damaged: kernel does not match its checksum"):
            store.load(tmp_path / "a", {"kernel": np.ones(3)})

    def test_another_format_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(store, "FORMAT", 99)
        store.save(tmp_path / "a", {"a": np.ones(3)})
        monkeypatch.undo()
        with pytest.raises(VaejaxError, match="written in format 99, and this version reads 1"):
            store.load(tmp_path / "a", {"a": np.ones(3)})

    def test_a_full_disk_leaves_what_was_there(self, tmp_path):
        """A real limit on the size of files, in a process of its own."""
        store.save(tmp_path / "before", {"a": np.ones(3)})
        code = (
            "import resource, sys, numpy as np; from vaejax import store\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
            f"try: store.save({str(tmp_path / 'after')!r}, {{'a': np.random.default_rng(0).random(100_000)}})\n"
            "except Exception as error: sys.exit(f'{type(error).__name__}: {error}')"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
        assert done.returncode == 1
        assert done.stderr.strip().splitlines()[-1].startswith("OutputError: cannot write ")
        assert [path.name for path in tmp_path.iterdir()] == ["before"]
        assert store.load(tmp_path / "before", {"a": np.ones(3)})["a"].tolist() == [1, 1, 1]
        assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 20_000


class TestRuns:
    def test_a_run_that_was_stopped_again_and_again_ends_with_the_same_bits(self, whole, tmp_path):
        for at in (0, 3, 4, 2):
            with pytest.raises(Stopped) as stopped:
                train(keep=vj.Keeper(tmp_path, 0.0, stopping(at)))
            assert stopped.value.args == (15,)
        same(train(keep=tmp_path), whole)
        assert len(list(tmp_path.iterdir())) <= _keep.GOOD

    @pytest.mark.long
    def test_several_programs_and_a_hook_too(self, tmp_path):
        seen = []
        options = {"width": [3, 5], "beta": [1.0], "latent_size": [2]}
        for at in (5, 9, 4):
            with pytest.raises(Stopped):
                train(**options, keep=vj.Keeper(tmp_path, 0.0, stopping(at)), on_segment=seen.append)
        result = train(**options, keep=tmp_path, on_segment=seen.append)
        same(result, train(**options))
        places = [table.attrs["segment"] for table in seen]
        assert sorted(set(places)) == list(range(12))
        assert seen[-1].history_value.notnull().all()

    def test_a_finished_run_is_not_trained_again(self, whole, tmp_path):
        train(keep=vj.Keeper(tmp_path, 0.0))
        segments = []
        same(train(keep=tmp_path, on_segment=segments.append), whole)
        assert segments == []

    def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(self, whole, stopped):
        newest = max(stopped.iterdir())
        largest = max((p for p in newest.rglob("*") if p.is_file()), key=lambda path: path.stat().st_size)
        largest.write_bytes(largest.read_bytes()[:-9])
        with pytest.warns(VaejaxWarning, match=f"{newest.name}.*the checkpoint before it is used"):
            same(train(keep=stopped), whole)

    def test_where_no_checkpoint_is_good_nothing_is_made_up(self, stopped):
        for file in [path for path in stopped.rglob("*") if path.is_file()]:
            file.write_bytes(b"")
        warnings.simplefilter("ignore", VaejaxWarning)
        with pytest.raises(VaejaxError, match=r"no checkpoint in .* can be read"):
            train(keep=stopped)

    @pytest.mark.parametrize(
        ("other", "words"),
        [
            ({"beta": [1.0, 3.0]}, "axes was"),
            ({"epochs": 7}, "epochs was 6 and is now 7"),
            ({"batch_size": 15}, "batch_size was 16 and is now 15"),
            ({"plan": vj.in_turn}, "plan was auto and is now at_once=1"),
        ],
    )
    def test_another_configuration_is_refused_by_name(self, other, words, stopped):
        with pytest.raises(VaejaxError, match=words):
            train(keep=stopped, **other)

    def test_other_data_and_other_versions_are_refused(self, stopped, monkeypatch):
        with pytest.raises(VaejaxError, match="data was"):
            vj.sweep(
                member,
                1 - ROWS,
                beta=[1.0, 2.0],
                latent_size=[1, 3],
                epochs=6,
                num_samples=4,
                batch_size=16,
                keep=stopped,
            )
        monkeypatch.setattr(_keep, "versions", lambda packages: {"jax": "9.9"})
        with pytest.raises(VaejaxError, match="versions was"):
            train(keep=stopped)

    def test_what_an_older_version_kept_is_refused_and_stays(self, stopped, monkeypatch):
        before = sorted(path.name for path in stopped.iterdir())
        monkeypatch.setattr(_saved, "WHERE", {*_saved.WHERE, "what a newer one notes"})
        with pytest.raises(VaejaxError, match="another version of vaejax"):
            train(keep=stopped)
        assert sorted(path.name for path in stopped.iterdir()) == before

    def test_a_network_of_other_shapes_is_refused(self, stopped):
        def wider(beta, latent_size):
            return member(beta, latent_size, width=7)

        with pytest.raises(VaejaxError, match=r"expected 0/0/params/.* as float32\[4"):
            vj.sweep(
                wider, ROWS, beta=[1.0, 2.0], latent_size=[1, 3], epochs=6, num_samples=4, batch_size=16, keep=stopped
            )

    def test_a_disk_that_is_full_ends_the_run_with_the_last_checkpoint_whole(self, whole, stopped, monkeypatch):
        before = {path.name for path in stopped.iterdir()}

        def full(*_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        from orbax.checkpoint import v1 as ocp

        monkeypatch.setattr(ocp, "save", full)
        with pytest.raises(OutputError, match="No space left on device"):
            train(keep=vj.Keeper(stopped, 0.0))
        monkeypatch.undo()
        assert {path.name for path in stopped.iterdir()} == before
        assert all(store.read(path)[1]["step"] > 0 for path in stopped.iterdir())

    def test_saving_takes_at_most_a_fiftieth_of_the_time(self, monkeypatch, tmp_path):
        """On a clock that is turned by hand: each slice takes one second and each save three."""
        now, saves = [0.0], []
        monkeypatch.setattr(_keep.time, "monotonic", lambda: now[0])

        def save(*_):
            now[0] += 3
            saves.append(now[0])

        monkeypatch.setattr(store, "save", save)
        keeper = vj.Keeper(tmp_path, 10.0)
        for step in range(1000):
            now[0] += 1
            keeper.offer(lambda step=step: _keep.Place(0, 0, step, {}, np.ones(1, bool), (), (), (), {}))
        assert saves[0] == 13
        assert 3 * len(saves[1:]) <= (now[0] - saves[0]) / 50
        assert len(saves) >= 6


def test_a_split_that_stays_in_its_file_gives_the_bits_of_one_in_memory(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(_feed, "RESIDENT", 0)
    monkeypatch.setattr(_feed, "WINDOW", 3 * 16 * 4)  # three steps of one seed
    same(train(), whole)
    two_seeds = train(seed=[0, 1])
    for name in ("elbo", "history_value"):
        np.testing.assert_allclose(two_seeds.dataset[name].sel(seed=[0]), whole.dataset[name], rtol=1e-5)


def test_members_in_turn_are_members_together(whole):
    turned = train(plan=vj.in_turn)
    for name in ("elbo", "log_likelihood", "history_value"):
        np.testing.assert_allclose(turned.dataset[name], whole.dataset[name], rtol=2e-5)


def test_a_checkpoint_says_in_json_what_it_is(halfway):
    note = store.contents(max(halfway.iterdir())).note
    assert note["program"] == 0
    assert note["step"] > 0
    assert json.loads(json.dumps(note))["identity"]["axes"]["beta"] == [1.0, 2.0]
