"""Arrays that stay in their file: what is read, seen, refused and hashed is what it is of the same array in memory."""

import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaejax as vj
from vaejax import data, likelihoods
from vaejax.data import _rows
from vaejax.errors import DataError
from vaejax.grid._run import chunks_of

GREY = np.random.default_rng(1).integers(0, 256, (37, 2, 3), dtype=np.uint8)
UNIT = np.random.default_rng(2).random((37, 5))
MARKS = np.arange(37) % 4


@pytest.fixture(params=[2**20, 64, 1], ids=["whole", "pieces", "rows"])
def stays(request, monkeypatch):
    """From when it is called, every array stays in its file, and is looked at in pieces of so many bytes."""

    def begin():
        monkeypatch.setattr(_rows, "LARGE", 1)
        monkeypatch.setattr(_rows, "CHUNK", request.param)

    return begin


@pytest.fixture
def mapped(monkeypatch):
    monkeypatch.setattr(_rows, "LARGE", 1)


def npy(array):
    return lambda path: np.save(path.with_suffix(".npy"), array)


def npz(**arrays):
    return lambda path: np.savez(path.with_suffix(".npz"), **arrays)


def written(path, write):
    write(path / "x")
    return next(path.iterdir())


@pytest.mark.parametrize(
    "write",
    [
        npy(GREY),
        npy(np.asfortranarray(UNIT)),
        npy(UNIT.astype(">f8")),
        npy(GREY > 99),
        npz(anything=UNIT.astype(np.float32)),
        npz(test=GREY[9:], train=GREY[:7], validation=GREY[7:9]),
        npz(test=np.asfortranarray(UNIT[9:]), train=UNIT[:7], validation=UNIT[7:9]),
    ],
)
def test_what_stays_in_its_file_is_what_would_be_in_memory(tmp_path, monkeypatch, write):
    path = written(tmp_path, write)
    memory = data.load(path)
    monkeypatch.setattr(_rows, "LARGE", 1)
    monkeypatch.setattr(_rows, "CHUNK", 64)
    filed = data.load(path)
    assert all(isinstance(split, np.ndarray) for split in memory.splits.values())
    assert all(isinstance(split, data.Rows) for split in filed.splits.values())
    for name, split in memory.splits.items():
        ours = filed.splits[name]
        assert (ours.shape, ours.dtype, ours.nbytes, len(ours)) == (split.shape, split.dtype, split.nbytes, len(split))
        assert np.array_equal(np.asarray(ours), split)
        assert ours[:].dtype == split.dtype
    assert (filed.levels, filed.likelihood.name) == (memory.levels, memory.likelihood.name)
    assert (filed.view, filed.support, filed.preparation) == (memory.view, memory.support, memory.preparation)
    assert data.digest(filed) == data.digest(memory)


def test_a_compressed_file_is_read(tmp_path, mapped):
    np.savez_compressed(tmp_path / "x.npz", GREY)
    x = data.load(tmp_path / "x.npz")
    assert isinstance(x.train, np.ndarray)
    assert data.digest(x) == data.digest(data.arrays(GREY))


def test_what_is_small_is_in_memory(tmp_path, monkeypatch):
    np.savez(tmp_path / "x.npz", train=GREY, validation=GREY[:2], test=GREY[:2])
    monkeypatch.setattr(_rows, "LARGE", GREY.nbytes)
    kinds = [isinstance(split, data.Rows) for split in data.load(tmp_path / "x.npz").splits.values()]
    assert kinds == [True, False, False]


@pytest.mark.parametrize(
    "index",
    [
        3,
        -1,
        np.s_[:],
        np.s_[2:9:3],
        np.s_[::-1],
        np.s_[5:5],
        [4, 0, 4],
        np.array([[7, 1], [0, 7]]),
        np.arange(31) % 3 == 1,
        jnp.array([2, 0]),
    ],
    ids=str,
)
def test_rows_are_indexed_as_an_array_is(tmp_path, monkeypatch, index):
    np.save(tmp_path / "x.npy", UNIT)
    memory = data.load(tmp_path / "x.npy").train
    monkeypatch.setattr(_rows, "LARGE", 1)
    rows = data.load(tmp_path / "x.npy").train
    read = rows[index]
    assert type(read) is np.ndarray
    assert read.dtype == np.float32
    assert np.array_equal(read, memory[index])


def test_no_row_is_made_up(tmp_path, mapped):
    np.save(tmp_path / "x.npy", GREY)
    rows = data.load(tmp_path / "x.npy").train
    for index in (len(rows), -len(rows) - 1, [0, len(rows)]):
        with pytest.raises(IndexError):
            rows[index]


def test_a_file_is_read_forwards():
    asked = []

    class Recorder(np.ndarray):
        def __getitem__(self, index):
            asked.append(index.tolist())
            return np.asarray(self)[index]

    rows = data.Rows.of(np.arange(20).reshape(10, 2).view(Recorder))
    assert rows[[7, 2, 9, 2]].tolist() == [[14, 15], [4, 5], [18, 19], [4, 5]]
    assert asked == [[2, 2, 7, 9]]


def test_jax_and_the_grid_read_rows(tmp_path, mapped):
    np.save(tmp_path / "x.npy", GREY)
    rows = data.load(tmp_path / "x.npy").train
    assert np.array_equal(jnp.asarray(rows), rows[:])
    for one, other in zip(chunks_of(vj.Example(rows), 8), chunks_of(vj.Example(rows[:]), 8), strict=True):
        assert all(np.array_equal(*pair) for pair in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


@pytest.mark.parametrize(
    "see",
    [
        data.binarise_threshold,
        data.binarise_dynamic,
        lambda x: data.binarise_static(x, 7),
        lambda x: data.binarise_held_out(x, 7),
        lambda x: data.fitted(x, likelihoods.normal()),
        lambda x: data.grey(data.binarise_dynamic(x)),
    ],
    ids=["threshold", "dynamic", "static", "held_out", "fitted", "grey"],
)
@pytest.mark.parametrize("array", [GREY, UNIT], ids=["grey", "floats"])
def test_it_is_seen_as_it_would_be_in_memory(tmp_path, stays, array, see):
    np.save(tmp_path / "x.npy", array)
    memory = data.digest(see(data.arrays(array)))
    stays()
    assert data.digest(see(data.load(tmp_path / "x.npy"))) == memory


def with_value(value, at):
    array = UNIT.copy()
    array[at] = value
    return array


@pytest.mark.parametrize(
    ("array", "see"),
    [
        (with_value(np.nan, np.s_[[20, 5], [1, 3]]), lambda x: x),
        (with_value(1e300, (30, 2)), lambda x: x),
        (with_value(1.5, np.s_[[20, 5], [1, 3]]), lambda x: x),
        (UNIT, lambda x: data.fitted(x, likelihoods.binomial(17))),
        (UNIT, lambda x: data.binarise_threshold(x, 2.0)),
        (GREY, lambda x: data.fitted(x, likelihoods.binomial(17))),
        (GREY[:9], lambda x: x),
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(tmp_path, stays, array, see):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(DataError) as memory:
        see(data.arrays(array, name="x"))
    stays()
    with pytest.raises(DataError) as filed:
        see(data.load(tmp_path / "x.npy"))
    assert str(filed.value) == str(memory.value)


@pytest.mark.parametrize(
    ("name", "write", "share"),
    [
        ("x.npy", lambda path: np.save(path, UNIT), 0.5),
        ("x.npz", lambda path: np.savez(path, UNIT), 0.5),
        ("x.npy", lambda path: np.save(path, np.array([[None] * 3] * 12), allow_pickle=True), 1),
        ("x.npz", lambda path: np.savez(path, np.array([[None] * 3] * 12)), 1),
        ("x.npy", lambda path: path.write_text("1,2,3\n"), 1),
    ],
)
def test_a_large_file_that_cannot_be_read_is_one_error(tmp_path, mapped, name, write, share):
    path = tmp_path / name
    write(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"cannot be read as \.npy or \.npz"):
        data.load(path)


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    array = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (16_000, 1000))  # 64 MB
    array[::1000] = 0.5
    array.flush()
    monkeypatch.setattr(_rows, "LARGE", 2**20)
    monkeypatch.setattr(_rows, "CHUNK", 2**20)
    tracemalloc.start()
    try:
        x = data.load(tmp_path / "x.npy")
        data.digest(x)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert x.train.nbytes == 51_200_000
    assert peak < 12e6


def test_labels_come_with_the_three_splits(tmp_path):
    splits = {"train": GREY[:7], "validation": GREY[7:9], "test": GREY[9:]}
    marks = {"train_labels": MARKS[:7], "validation_labels": MARKS[7:9], "test_labels": MARKS[9:]}
    np.savez(tmp_path / "x.npz", **splits, **marks)
    x = data.load(tmp_path / "x.npz")
    assert list(x.labels) == ["train", "validation", "test"]
    assert np.array_equal(np.concatenate(list(x.labels.values())), MARKS)
    assert data.digest(x) == data.digest(data.arrays(*splits.values()))
    assert np.array_equal(data.binarise_threshold(x).labels["test"], MARKS[9:])
    assert not data.arrays(GREY).labels


@pytest.mark.parametrize("marks", [MARKS[:6], MARKS[:7, None], MARKS[:7] / 2], ids=["few", "shape", "floats"])
def test_labels_that_are_none_are_refused(tmp_path, marks):
    splits = {"train": GREY[:7], "validation": GREY[7:9], "test": GREY[9:]}
    np.savez(tmp_path / "x.npz", **splits, train_labels=marks, validation_labels=MARKS[:2], test_labels=MARKS[9:])
    with pytest.raises(DataError, match="train_labels to be one integer for each of the 7 examples"):
        data.load(tmp_path / "x.npz")
