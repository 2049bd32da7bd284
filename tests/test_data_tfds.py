"""Image sets of TFDS: their images, their labels, their splits or the rule where one is missing."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from vaejax import data
from vaejax.data import _load, _tfds
from vaejax.data._mnist_builders import png
from vaejax.errors import DataError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (23, 5, 4), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (12, 4, 5, 3), dtype=np.uint8)
MARKS = np.arange(23) % 3


def prepared(folder, name, splits, features, configs=()):
    """A data set of TFDS as anybody may prepare it: by split, examples of these features."""

    class Prepared(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=config) for config in configs]  # noqa: RUF012

        def _info(self):
            feature = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=feature, disable_shuffling=True)

        def _split_generators(self, dl_manager):
            return {split: iter(enumerate(examples)) for split, examples in splits.items()}

        def _generate_examples(self):
            raise NotImplementedError

    Prepared.name = name
    for config in configs or [None]:
        Prepared(data_dir=folder, file_format="array_record", config=config).download_and_prepare()


def examples(images, marks=None, image="image"):
    marks = [None] * len(images) if marks is None else marks
    return [
        {image: Image.fromarray(x)} | ({} if mark is None else {"label": int(mark)})
        for x, mark in zip(images, marks, strict=True)
    ]


def grey(shape=(5, 4, 1)):
    return {"image": tfds.features.Image(shape=shape), "label": tfds.features.ClassLabel(num_classes=3)}


def part(first, last):
    return examples(GREY[first:last], MARKS[first:last])


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({"train": (0, 10), "validation": (10, 14), "test": (14, 23)}, [(0, 10), (10, 14), (14, 23)]),
        ({"train": (0, 20), "test": (20, 23)}, [(0, 18), (18, 20), (20, 23)]),
        ({"train": (0, 20), "validation": (20, 23), "extra": (0, 2)}, [(0, 18), (18, 20), (20, 23)]),
    ],
    ids=["three", "no validation", "no test"],
)
def test_splits_are_tfds_s_or_follow_the_rule(tmp_path, ends, expected):
    prepared(tmp_path, "small", {name: part(*end) for name, end in ends.items()}, grey())
    x = data.tfds("small", tmp_path)
    for (name, split), (first, last) in zip(x.splits.items(), expected, strict=True):
        assert np.array_equal(split, GREY[first:last])
        assert np.array_equal(x.labels[name], MARKS[first:last])
    assert (x.name, x.levels, x.likelihood.name) == ("small", 256, "discretized_logistic")


def test_train_alone_is_split_as_an_array_is(tmp_path, monkeypatch):
    monkeypatch.setattr(_tfds, "BATCH", 7)
    prepared(tmp_path, "small", {"train": part(0, 23)}, grey())
    x, whole = data.tfds("small", tmp_path), data.arrays(GREY)
    assert data.digest(x) == data.digest(whole)
    order = np.random.default_rng(0).permutation(23)
    assert np.array_equal(np.concatenate(list(x.labels.values())), MARKS[order])


def test_a_config_of_colours_without_labels(tmp_path):
    splits = {"train": examples(COLOUR, image="photo")}
    prepared(tmp_path, "colours", splits, {"photo": tfds.features.Image(shape=(4, 5, 3))}, ["plain", "other"])
    x = data.tfds("colours/plain", str(tmp_path))
    assert data.digest(x) == data.digest(data.arrays(COLOUR))
    assert x.data_shape == (4, 5, 3)
    assert x.labels == {}


def test_load_takes_a_name_of_tfds(monkeypatch):
    asked = []
    monkeypatch.setattr(_load, "tfds", lambda name: asked.append(name) or data.arrays(GREY))
    assert data.load("tfds:small/plain", levels=256).data_shape == (5, 4)
    assert asked == ["small/plain"]


FACTORS = {  # in TFDS
    "dsprites": ["orientation", "scale", "shape", "x_position", "y_position"],
    "shapes3d": ["floor_hue", "object_hue", "orientation", "scale", "shape", "wall_hue"],
    "smallnorb": ["instance", "azimuth", "category", "elevation", "lighting"],
}


@pytest.mark.parametrize("name", FACTORS)
def test_several_classes_are_factors(tmp_path, name):
    features = dict(tfds.builder(name, data_dir=tmp_path).info.features.items())
    images = RANDOM.integers(0, 2 if name == "dsprites" else 256, (12, *features["image"].shape), dtype=np.uint8)
    called = [key for factor in FACTORS[name] for key in features if key in (factor, f"label_{factor}")]
    drawn = np.stack([RANDOM.integers(0, features[key].num_classes, 12) for key in called], 1)

    def row(at):
        found = {key: png(images[at, ..., 0]) if key == "image2" else 0.5 for key in features}  # beside the factors
        picture = Image.fromarray(images[at] if images.shape[-1] == 3 else images[at, ..., 0])
        return found | dict(zip(called, drawn[at].tolist(), strict=True)) | {"image": picture}

    ends = {"train": range(10), "test": range(10, 12)} if name == "smallnorb" else {"train": range(12)}
    prepared(tmp_path, "small", {split: [row(at) for at in rows] for split, rows in ends.items()}, features)
    x = data.tfds("small", tmp_path)
    order = np.arange(12) if name == "smallnorb" else np.random.default_rng(0).permutation(12)
    assert np.array_equal(np.concatenate(list(x.splits.values())), images[order].squeeze())
    assert x.factor_names == tuple(FACTORS[name])
    assert np.array_equal(np.concatenate([x.factors[split] for split in x.splits]), drawn[order])
    assert x.labels == {}
    assert x.levels == (2 if name == "dsprites" else 256)


def test_one_class_is_a_label_and_no_factor(tmp_path):
    prepared(tmp_path, "small", {"train": part(0, 23)}, grey())
    x = data.tfds("small", tmp_path)
    assert (x.factors, x.factor_names) == ({}, ())


@pytest.mark.parametrize(
    ("splits", "features", "words"),
    [
        (
            {"train": examples([GREY[0], GREY[1], GREY[2, :3]], MARKS[:3])},
            grey((None, None, 1)),
            r"one size; in train of bad of TFDS one is \(5, 4, 1\) and number 2 is \(3, 4, 1\): resize",
        ),
        (
            {"train": [{"x": 1}] * 12},
            {"x": tfds.features.Scalar(np.int64)},
            r"uint8 images, .* got x \(Scalar\)",
        ),
        (
            {"train": [{"a": Image.fromarray(GREY[0]), "b": Image.fromarray(GREY[0])}]},
            {"a": tfds.features.Image(shape=(5, 4, 1)), "b": tfds.features.Image(shape=(5, 4, 1))},
            r"got a \(Image\), b \(Image\)",
        ),
        (
            {"train": [{"image": png(GREY[0])}]},
            {"image": tfds.features.Image(shape=(5, 4, 1), dtype=np.uint16)},
            r"uint8 images, .* got image \(Image\)",
        ),
        ({"test": part(0, 12)}, grey(), "to have a split train; it has test"),
        ({"train": part(0, 9)}, grey(), "9 examples and at least 10"),
    ],
    ids=["sizes", "no image", "two images", "uint16", "no train", "few"],
)
def test_a_set_that_cannot_be_used_is_one_error(tmp_path, splits, features, words):
    prepared(tmp_path, "bad", splits, features)
    with pytest.raises(DataError, match=words):
        data.tfds("bad", tmp_path)


def test_a_set_that_is_not_there_is_one_error(tmp_path):
    with pytest.raises(DataError, match=r"tfds:no_such_set cannot be had: .*; check the name, or prepare it where"):
        data.tfds("no_such_set", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_set_that_cannot_be_prepared_is_one_error(tmp_path, monkeypatch):
    def fails(self, **_):
        raise ImportError("No module named 'tensorflow'")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fails)
    with pytest.raises(DataError, match=r"No module named 'tensorflow'; .*tfds build cifar10 --file_format=array_rec"):
        data.tfds("cifar10", tmp_path)
