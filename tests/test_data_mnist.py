"""MNIST and Fashion-MNIST: the published files, in their order; prepared once, by whoever is first; mended."""

import gzip
import hashlib
import io
import shutil
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from damage import overwrite
from PIL import Image
from tensorflow_datasets.core.download import checksums

from vaejax import data
from vaejax.data import _mnist, _mnist_builders, _mnist_files
from vaejax.errors import DataError

FILES = _mnist_files.FILES
PREPARED = Path("fashion_mnist") / "3.0.1"
RANDOM = np.random.default_rng(0)
IMAGES, TEST = (RANDOM.integers(0, 256, (num, 28, 28), dtype=np.uint8) for num in (30, 12))
LABELS, TEST_LABELS = (RANDOM.integers(0, 10, num, dtype=np.uint8) for num in (30, 12))
DIGEST = "e29e69136f512bd8d27a55d1f0a56d0e2b92ce602033ff7c88e82c82a6a13832"  # of Fashion-MNIST, drawn anew


def idx(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape) + array.tobytes()


def zipped(file: str, array: np.ndarray) -> bytes:
    """With the name and a time of Fashion-MNIST in the header, as it was published."""
    packed = io.BytesIO()
    with gzip.GzipFile(file[:-3], "wb", fileobj=packed, mtime=1504176627) as out:
        out.write(idx(array))
    return packed.getvalue()


@pytest.fixture(scope="module")
def manual(tmp_path_factory):
    """The four files of a small set."""
    folder = tmp_path_factory.mktemp("manual")
    for file, array in zip(FILES, (IMAGES, LABELS, TEST, TEST_LABELS), strict=True):
        (folder / file).write_bytes(zipped(file, array))
    return folder


@pytest.fixture
def small(monkeypatch, manual):
    """TFDS expects the small files, the last 10 images of train are validation, and nobody downloads."""
    infos = {
        builder.URL + file: checksums.compute_url_info(manual / file)
        for builder in _mnist_builders.BUILDERS.values()
        for file in FILES
    }
    monkeypatch.setattr(checksums, "get_all_url_infos", lambda: dict(infos))
    monkeypatch.setattr(_mnist_builders, "NUM_VALIDATION", 10)
    monkeypatch.setattr(_mnist_files, "DEBIAN", {})
    offline(monkeypatch)


def offline(monkeypatch):
    from tensorflow_datasets.core.download import download_manager

    def fails(self, resource):
        raise OSError(f"no network for {resource.url}")

    monkeypatch.setattr(download_manager.DownloadManager, "_download", fails)


@pytest.fixture
def prepared(small, manual, tmp_path):
    data.fashion_mnist(tmp_path / "data", manual)
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["fashion_mnist", "mnist"])
def test_the_published_images_come_in_their_order(small, manual, tmp_path, name, capfd):
    x = getattr(data, name)(tmp_path / "data", manual)
    assert capfd.readouterr() == ("", f"preparing {name} in {tmp_path / 'data'}, once, from {manual}\n")
    assert np.array_equal(np.concatenate([x.train, x.validation]), IMAGES)
    assert [len(split) for split in x.splits.values()] == [20, 10, 12]
    assert np.array_equal(x.test, TEST)
    assert np.array_equal(np.concatenate([x.labels["train"], x.labels["validation"]]), LABELS)
    assert np.array_equal(x.labels["test"], TEST_LABELS)
    assert (x.name, x.levels, x.likelihood.name, x.preparation) == (
        name,
        256,
        "bernoulli",
        "Bernoulli(v/255), drawn anew",
    )
    assert data.digest(data.grey(x)) == data.digest(data.arrays(*x.splits.values()))


def test_tfds_reads_the_same_images(prepared):
    import tensorflow_datasets as tfds

    x = data.fashion_mnist(prepared)
    source = tfds.data_source("fashion_mnist", data_dir=prepared, download=False)
    assert np.array_equal([example["image"][..., 0] for example in source["train"]], np.r_[x.train, x.validation])
    assert np.array_equal([example["image"][..., 0] for example in source["test"]], x.test)
    assert [example["label"] for example in source["test"]] == x.labels["test"].tolist()
    theirs = data.tfds("fashion_mnist", prepared)
    assert [len(split) for split in theirs.splits.values()] == [27, 3, 12]
    assert np.array_equal(theirs.test, x.test)


def test_what_is_prepared_is_opened_without_tfds(prepared, monkeypatch, capfd):
    monkeypatch.setattr(_mnist, "_prepare", lambda *_: pytest.fail("prepared again"))
    monkeypatch.setattr(_mnist, "quiet", lambda: pytest.fail("TFDS was used"))
    monkeypatch.setenv("VAEJAX_DATA", str(prepared))
    assert np.array_equal(data.load("fashion_mnist").test, TEST)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:9000]),
        lambda path: overwrite(path, 9000, bytes([path.read_bytes()[9000] ^ 1])),
        lambda path: np.savez(path, train=IMAGES),
    ],
    ids=["empty", "cut", "flipped", "another"],
)
def test_damage_is_named_and_mended(prepared, manual, damage):
    damage(prepared / PREPARED / "splits.npz")
    with pytest.warns(UserWarning, match=r"fashion_mnist prepared in .*3\.0\.1 are damaged \(.+\); they are prepared"):
        x = data.fashion_mnist(prepared, manual)
    assert np.array_equal(x.train, IMAGES[:20])
    assert sorted(path.name for path in (prepared / "fashion_mnist").iterdir()) == ["3.0.1"]
    with warnings.catch_warnings(action="error"):
        data.fashion_mnist(prepared)


def test_what_others_prepared_is_left_alone(tmp_path):
    kept = tmp_path / PREPARED / "fashion_mnist-train.tfrecord-00000-of-00001"
    kept.parent.mkdir(parents=True)
    kept.write_text("theirs")
    with pytest.raises(DataError, match=r"3\.0\.1 was prepared by others, .* name another folder"):
        data.fashion_mnist(tmp_path)
    assert kept.read_text() == "theirs"


def test_without_files_and_network_the_ways_to_get_them_are_named(small, tmp_path):
    words = rf"no network .* downloaded from http://fashion.* or put into {tmp_path}/manual/fashion_mnist or .* "
    with pytest.raises(DataError, match=words + r"by manual_dir, or install Debian's package dataset-fashion-mnist; "):
        data.fashion_mnist(tmp_path)
    assert not list(tmp_path.glob("fashion_mnist/*"))


def test_files_put_into_the_folder_are_found(small, manual, tmp_path):
    shutil.copytree(manual, tmp_path / "manual" / "mnist")
    assert np.array_equal(data.mnist(tmp_path).test, TEST)


def test_a_manual_folder_that_lacks_a_file_is_named(small, manual, tmp_path):
    folder = shutil.copytree(manual, tmp_path / "some")
    (folder / FILES[2]).unlink()
    with pytest.raises(DataError, match=f"in {folder}; missing: {FILES[2]}$"):
        data.mnist(tmp_path, folder)


def test_other_files_under_the_same_names_are_refused(manual, tmp_path, monkeypatch):
    offline(monkeypatch)
    for load in (data.mnist, data.fashion_mnist):
        with pytest.raises(DataError, match="wrong checksum"):
            load(tmp_path, manual)
        assert not list(tmp_path.glob("*mnist/*"))


def test_files_without_a_checksum_of_tfds_are_refused(small, manual, tmp_path, monkeypatch):
    monkeypatch.setattr(checksums, "get_all_url_infos", dict)
    with pytest.raises(DataError, match="Missing checksums"):
        data.mnist(tmp_path, manual)


def test_a_folder_that_cannot_be_written_is_one_error(small, manual, tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(DataError, match=r"mnist cannot be prepared in .* name a folder .* \$VAEJAX_DATA"):
        data.mnist(file / "below", manual)
    assert file.read_text() == "mine"


def test_nothing_is_seen_of_a_set_that_was_not_finished(small, manual, tmp_path, monkeypatch):
    def killed(image):
        assert list(tmp_path.glob("mnist/incomplete*/splits.npz"))
        assert not (tmp_path / "mnist" / "3.0.1").exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_mnist_builders, "png", killed)
        with pytest.raises(KeyboardInterrupt):
            data.mnist(tmp_path, manual)
    assert not (tmp_path / "mnist" / "3.0.1").exists()
    assert np.array_equal(data.mnist(tmp_path, manual).test, TEST)


def test_who_comes_second_takes_what_the_first_prepared(prepared, small, manual, tmp_path, monkeypatch):
    def late(self, **_):
        shutil.copytree(prepared, tmp_path / "second", dirs_exist_ok=True)
        raise OSError("Directory not empty")

    monkeypatch.setattr(_mnist_builders.FashionMNIST, "download_and_prepare", late)
    assert np.array_equal(data.fashion_mnist(tmp_path / "second", manual).test, TEST)


def test_a_png_is_read_by_others_as_it_was():
    image = IMAGES[0, :20]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(_mnist_builders.png(image)))), image)


def test_the_header_that_debian_strips_is_put_back(tmp_path):
    published = zipped(FILES[2], TEST)
    stripped = published[:3] + b"\0" + bytes(4) + published[8:10] + published[10 + len(FILES[2]) - 2 :]
    assert gzip.decompress(stripped) == idx(TEST)
    for content, name, expected in (
        (stripped, "fashion_mnist", published),
        (published, "fashion_mnist", published),
        (stripped, "mnist", stripped),
        (b"no gzip", "fashion_mnist", b"no gzip"),
    ):
        (tmp_path / FILES[2]).write_bytes(content)
        assert _mnist_files.as_published(name, tmp_path / FILES[2]) == expected


DEBIAN = _mnist_files.DEBIAN["fashion_mnist"]


@pytest.mark.skipif(not DEBIAN.exists(), reason="needs Debian's package dataset-fashion-mnist")
def test_debian_s_files_are_those_that_tfds_expects():
    known = checksums.get_all_url_infos()
    expected = {file: known[_mnist_builders.FashionMNIST.URL + file].checksum for file in FILES}
    published = {file: _mnist_files.as_published("fashion_mnist", DEBIAN / file) for file in FILES}
    found = {file: hashlib.sha256(content).hexdigest() for file, content in published.items()}
    assert found == expected


@pytest.mark.skipif(not DEBIAN.exists(), reason="needs Debian's package dataset-fashion-mnist")
def test_fashion_mnist_has_the_published_bits():
    x = data.fashion_mnist()  # kept from one run of the tests to the next
    assert [split.shape for split in x.splits.values()] == [(50_000, 28, 28), (10_000, 28, 28), (10_000, 28, 28)]
    assert data.digest(x) == DIGEST
    for labels, num in zip(x.labels.values(), (5000, 1000, 1000), strict=True):
        assert np.abs(np.bincount(labels, minlength=10) - num).max() < 0.1 * num
    fixed = data.binarise_held_out(x._replace(train=x.train[:10]), 777)
    assert int((fixed.test // 255).sum()) == 2_248_637
