"""The digits: scikit-learn's, exactly; prepared once, by whoever is first; mended when damaged."""

import functools
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from damage import overwrite
from sklearn.datasets import load_digits

from vaejax import data
from vaejax.data import _digits
from vaejax.errors import DataError

PREPARED = Path("vaejax_digits") / "1.0.0"
DIGEST = "28ce62a9f929d86d9705b88cd587156a262672a3eb0a0e4a2a0d05d76744847c"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    data.digits(folder)
    return folder


@pytest.fixture(scope="module")
def splits(cache):
    return _digits.stored_digits(cache)


@pytest.fixture
def copy(cache, tmp_path):
    return Path(shutil.copytree(cache, tmp_path / "copy"))


def test_every_image_of_sklearn_is_there_once_with_its_label(splits):
    bunch = load_digits()
    ours = [(x.tobytes(), int(y)) for images, labels in splits.values() for x, y in zip(images, labels, strict=True)]
    theirs = [(x.astype(np.uint8).tobytes(), int(y)) for x, y in zip(bunch.images, bunch.target, strict=True)]
    assert sorted(ours) == sorted(theirs)


def test_the_digits_are_as_documented(cache):
    x = data.digits(cache)
    order = np.random.RandomState(0).permutation(1797)
    assert np.array_equal(np.concatenate(list(x.splits.values())), load_digits().images[order])
    assert [split.shape for split in x.splits.values()] == [(1197, 8, 8), (300, 8, 8), (300, 8, 8)]
    assert (x.train.dtype, x.levels, int(x.train.max())) == (np.uint8, 17, 16)
    assert (x.name, x.likelihood.name, x.preparation) == ("digits", "binomial", "v/16")
    assert x.likelihood.support == x.support
    assert data.digest(x) == DIGEST


def test_every_class_is_in_every_split(splits):
    for _, labels in splits.values():
        assert np.bincount(labels, minlength=10).min() >= 20


@pytest.mark.parametrize(
    ("environment", "below"),
    [
        ({"VAEJAX_DATA": "a", "XDG_CACHE_HOME": "b", "HOME": "c"}, "a"),
        ({"VAEJAX_DATA": "", "XDG_CACHE_HOME": "b", "HOME": "c"}, "b/vaejax"),
        ({"VAEJAX_DATA": "", "XDG_CACHE_HOME": "", "HOME": "c"}, "c/.cache/vaejax"),
    ],
)
def test_where_they_are_kept(tmp_path, monkeypatch, environment, below):
    for variable, folder in environment.items():
        monkeypatch.setenv(variable, folder and str(tmp_path / folder))
    read = []
    monkeypatch.setattr(
        _digits, "_read", lambda folder: read.append(folder) or dict.fromkeys(_digits.SPLITS, (None, None))
    )
    data.digits()
    data.digits(tmp_path / "named")
    data.digits("~/mine")
    assert read == [tmp_path / below, tmp_path / "named", tmp_path / "c" / "mine"]


def test_what_is_prepared_is_not_prepared_again(cache, monkeypatch):
    monkeypatch.setattr(_digits, "_prepare", lambda *_: pytest.fail("prepared again"))
    monkeypatch.setenv("VAEJAX_DATA", str(cache))
    assert data.digest(data.load("digits", levels=17)) == DIGEST


def train_file(path):
    (file,) = path.glob("*-train.array_record*")
    return file


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: train_file(path).unlink(),
        lambda path: train_file(path).write_bytes(b""),
        lambda path: overwrite(train_file(path), 70_000, b"\xff\xaa"),
        lambda path: (path / "dataset_info.json").write_text("{"),
        lambda path: (shutil.rmtree(path), path.mkdir()),
    ],
    ids=["missing", "empty", "flipped", "info", "emptied"],
)
def test_damage_is_named_and_mended(cache, copy, damage, monkeypatch):
    copied = functools.partial(shutil.copytree, cache / PREPARED, copy / PREPARED)
    monkeypatch.setattr(_digits, "_prepare", lambda _: copied())  # for speed
    damage(copy / PREPARED)
    with pytest.warns(UserWarning, match=r"digits prepared in .*1\.0\.0 are damaged \(.+\); they are prepared again"):
        x = data.digits(copy)
    assert data.digest(x) == DIGEST
    assert sorted(path.name for path in (copy / "vaejax_digits").iterdir()) == ["1.0.0"]


def test_other_images_under_the_same_name_are_damage(copy):
    for file in (copy / PREPARED).glob("*-test.array_record*"):
        shutil.copy(next((copy / PREPARED).glob("*-validation.array_record*")), file)
    with pytest.warns(UserWarning, match="not the 1,797 images"):
        x = data.digits(copy)
    assert data.digest(x) == DIGEST


def test_damage_that_stays_is_one_error(cache, monkeypatch, tmp_path):
    monkeypatch.setattr(_digits, "CONTENT", "another")
    folder = shutil.copytree(cache, tmp_path / "copy")
    with (
        pytest.warns(UserWarning, match="again"),
        pytest.raises(DataError, match="prepared again: delete"),
    ):
        data.digits(folder)


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for folder in (file, file / "below"):
        with pytest.raises(DataError, match=r"cannot be prepared in .* name a folder .* \$VAEJAX_DATA"):
            data.digits(folder)
    assert file.read_text() == "mine"


USE = """
import logging, os, sys
from vaejax import data
print(len(data.digits(sys.argv[1]).train), "tensorflow" in sys.modules, logging.getLogger().handlers, flush=True)
import sklearn.datasets
sklearn.datasets.load_digits = lambda: os._exit(9)
data.digits(sys.argv[2])
"""


def test_first_use_is_silent_without_tensorflow_and_may_be_killed(tmp_path):
    command = [sys.executable, "-W", "error::UserWarning", "-c", USE, str(tmp_path / "whole"), str(tmp_path / "cut")]
    process = subprocess.run(command, capture_output=True, text=True)
    assert (process.returncode, process.stdout, process.stderr) == (9, "1197 False []\n", "")
    left = [path.name[:11] for path in (tmp_path / "cut" / "vaejax_digits").iterdir()]
    assert left == ["incomplete."]
    assert len(data.digits(tmp_path / "cut").train) == 1197


def test_who_comes_second_takes_what_the_first_prepared(cache, tmp_path, monkeypatch):
    from vaejax.data._digits_builder import VaejaxDigits

    def late(self):
        shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
        raise OSError("Directory not empty")

    monkeypatch.setattr(VaejaxDigits, "download_and_prepare", late)
    assert len(data.digits(tmp_path).train) == 1197


def test_the_loggers_of_others_are_left_as_they_were(tmp_path, capfd):
    before = logging.getLogger().handlers[:], logging.getLogger("absl").level
    data.digits(tmp_path)
    assert (logging.getLogger().handlers, logging.getLogger("absl").level) == before
    assert capfd.readouterr() == ("", "")
