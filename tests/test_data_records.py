"""Examples in ArrayRecord files: the same rows, the same training, the same end of a run that was stopped."""

import jax
import numpy as np
import optax
import pytest
from array_record.python.array_record_module import ArrayRecordWriter

import vaejax as vj
from vaejax.data import digest
from vaejax.errors import DataError, Stopped
from vaejax.grid import _feed, _keep, _train

ROWS = np.random.default_rng(0).integers(0, 2, (61, 4)).astype(np.uint8)


def written(folder, rows, name="rows", at_a_file=25):
    for number, start in enumerate(range(0, len(rows), at_a_file)):
        writer = ArrayRecordWriter(str(folder / f"{name}-{number}.array_record"), "group_size:1")
        for row in rows[start : start + at_a_file]:
            writer.write(row.tobytes())
        writer.close()
    return folder / f"{name}-*.array_record"


def decode(record):
    return np.frombuffer(record, np.uint8)


@pytest.fixture
def pattern(tmp_path):
    return written(tmp_path, ROWS)


def train(rows, **options):
    def member(beta):
        nets, likelihood = (vj.nets.mlp(4), vj.nets.mlp(4)), vj.likelihoods.bernoulli()
        model = vj.vae(*nets, data_shape=(4,), latent_size=2, likelihood=likelihood)
        return vj.trainer(model, vj.objectives.elbo(beta), optax.adam(1e-2))

    settings = {"beta": [1.0, 2.0], "seed": [0, 1], "epochs": 4, "batch_size": 16, "num_samples": 2, **options}
    return vj.sweep(member, rows, plan=vj.in_turn, **settings)


def same(one, other):
    for name in one.dataset.data_vars:
        np.testing.assert_array_equal(one.dataset[name].values, other.dataset[name].values, err_msg=str(name))
    jax.tree.map(np.testing.assert_array_equal, one.params, other.params)


@pytest.mark.parametrize("index", [7, slice(20, 40, 3), [60, 0, 25, 0], [[3, 2], [50, 24]], np.arange(61) > 55, []])
def test_rows_are_those_that_were_written(index, pattern):
    rows = vj.data.in_records(pattern, decode)
    assert (rows.shape, rows.dtype, len(rows), rows.nbytes) == ((61, 4), np.uint8, 61, 244)
    index = np.array(index, int) if isinstance(index, list) else index
    np.testing.assert_array_equal(rows[index], ROWS[index])
    np.testing.assert_array_equal(np.asarray(rows), ROWS)


def test_they_are_data_as_an_array_is(pattern):
    there, here = vj.data.arrays(vj.data.in_records(pattern, decode)), vj.data.arrays(ROWS)
    assert isinstance(there.train, vj.data.Rows)
    assert digest(there) == digest(here)
    assert (there.levels, there.likelihood.name) == (here.levels, here.likelihood.name)


@pytest.mark.parametrize("window", [16 * 4, 3 * 2 * 16 * 4])  # one step, and three of two seeds
def test_training_is_that_of_an_array(window, pattern, monkeypatch):
    expected = train(ROWS)
    monkeypatch.setattr(_feed, "RESIDENT", 0)
    monkeypatch.setattr(_feed, "WINDOW", window)
    same(train(vj.data.in_records(pattern, decode)), expected)


def test_a_run_that_was_stopped_goes_on_at_its_place(pattern, tmp_path, monkeypatch):
    expected = train(ROWS)
    monkeypatch.setattr(_feed, "RESIDENT", 0)
    monkeypatch.setattr(_feed, "WINDOW", 2 * 2 * 16 * 4)
    monkeypatch.setattr(_train, "SECONDS", 1e-9)
    monkeypatch.setattr(_keep, "SHARE", 0)
    for num in (6, 5):
        polls = iter(range(num))
        stop = lambda polls=polls: 15 if next(polls, None) is None else 0  # noqa: E731
        with pytest.raises(Stopped):
            train(vj.data.in_records(pattern, decode), keep=vj.Keeper(tmp_path / "run", 0.0, stop))
    same(train(vj.data.in_records(pattern, decode), keep=tmp_path / "run"), expected)


def test_what_comes_next_is_read_ahead():
    read = []
    ahead = _feed.Ahead(lambda rows: read.append(rows.tolist()) or rows)
    for first in (0, 2, 4, 9):  # the last is none that was waited for
        assert ahead.read(first, lambda at: np.array([at]), first + 2).tolist() == [first]
    ahead.pool.shutdown()
    assert read[:3] == [[0], [2], [4]]
    assert sorted(one for one in read[3:] if one != [6]) == [[9], [11]]  # 6 was given up, maybe in time


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: (folder / "none-*", decode), "no file is called"),
        (lambda folder: ([], decode), "expected the files that hold records, got none"),
        (lambda folder: (folder / "text", decode), "cannot be read as ArrayRecord"),
        (lambda folder: (written(folder, ROWS), lambda record: 1 / 0), "record 0 of .* cannot be decoded: .*division"),
        (lambda folder: (written(folder, ROWS), lambda record: list(record)), "must give a NumPy array, got list"),
    ],
)
def test_what_cannot_be_read_is_refused(make, words, tmp_path):
    (tmp_path / "text").write_text("no records")
    with pytest.raises(DataError, match=words):
        vj.data.in_records(*make(tmp_path))


def test_a_record_of_another_shape_is_named(tmp_path):
    writer = ArrayRecordWriter(str(tmp_path / "odd"), "group_size:1")
    for size in (4, 4, 3):
        writer.write(bytes(size))
    writer.close()
    with pytest.raises(DataError, match=r"every record of .*odd to be uint8\[4\].*number 2 is uint8\[3\]"):
        np.asarray(vj.data.in_records(tmp_path / "odd", decode))
