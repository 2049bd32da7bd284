import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vaejax.errors import DataError

from ._arrays import arrays, split_rows
from ._files import NAMES
from ._prepared import first_line, prepare, quiet
from ._types import Data

BATCH = 256  # examples decoded at once


class Named(NamedTuple):
    """What features are called: the images, the class where there is one, and the factors where there are several."""

    image: str
    label: str | None
    factors: tuple[str, ...]


class Columns(NamedTuple):
    """Images `[N, *shape]` of uint8, the class of each and its factors `[N, num_factors]`, where there are such."""

    images: np.ndarray
    labels: np.ndarray | None
    factors: np.ndarray | None


def tfds(name: str, data_dir: str | os.PathLike | None = None) -> Data:
    """Any image set that `tfds.data_source` reads, "name" or "name/config": uint8 images of one size, read to memory.

    Images are `[height, width, channels]`, or `[height, width]` of one channel. The splits train, validation and test
    are TFDS's. Without validation it is the last tenth of train; without test, validation is test as well; train
    alone is split as `arrays` does. Other splits are not read. Labels are kept where there is one ClassLabel, or one
    called label; where there are several, as in dsprites, shapes3d and smallnorb, each is a factor, called as it is
    without "label_", in alphabetical order.

    Kept where TFDS keeps its data: `data_dir`, else `$TFDS_DATA_DIR`, else `~/tensorflow_datasets`. What is not
    there is prepared, which for most sets needs the network and TensorFlow. Raises `DataError` where that cannot be
    done, and on sets without uint8 images of one size.

    >>> tfds("cifar10").data_shape  # doctest: +SKIP
    (32, 32, 3)
    """
    builder = _builder(name, data_dir)
    named = _features(name, builder)
    found = {}
    for split in NAMES:
        if split in builder.info.splits:
            found[split] = _columns(f"{split} of {name}", _source(name, builder, split), named)
    parts = _divided(name, found)
    data = arrays(*(parts[split].images for split in NAMES), name=name)
    return data._replace(
        labels={split: part.labels for split, part in parts.items() if part.labels is not None},
        factors={split: part.factors for split, part in parts.items() if part.factors is not None},
        factor_names=tuple(factor.removeprefix("label_") for factor in named.factors),
    )


def _builder(name: str, data_dir: str | os.PathLike | None) -> Any:
    """A builder whose data are on disk, in records that can be read in any order."""
    given = None if data_dir is None else str(Path(data_dir).expanduser())
    try:
        with quiet():
            import tensorflow_datasets

            builder = tensorflow_datasets.builder(name, data_dir=given)
            if not Path(builder.data_dir).exists():
                builder = tensorflow_datasets.builder(name, data_dir=given, file_format="array_record")
        if not Path(builder.data_dir).exists():
            print(f"preparing {name} in {builder.data_dir}, once", file=sys.stderr, flush=True)
            prepare(builder, download_config=tensorflow_datasets.download.DownloadConfig(try_download_gcs=False))
    except Exception as error:  # TFDS, its builders and what they import each raise their own
        raise DataError(f"tfds:{name} cannot be had: {first_line(error)}; {_elsewhere(name)}") from error
    return builder


def _elsewhere(name: str) -> str:
    return (
        f"check the name, or prepare it where TensorFlow and the network are (tfds build {name} "
        "--file_format=array_record) and name its folder with $TFDS_DATA_DIR"
    )


def _source(name: str, builder: Any, split: str) -> Any:
    try:
        with quiet():
            return builder.as_data_source(split=split)
    except Exception as error:
        raise DataError(f"tfds:{name} cannot be read: {first_line(error)}; {_elsewhere(name)}") from error


def _features(name: str, builder: Any) -> Named:
    import tensorflow_datasets

    features = dict(builder.info.features.items()) if hasattr(builder.info.features, "items") else {}
    kinds = tensorflow_datasets.features
    images = [key for key, feature in features.items() if isinstance(feature, kinds.Image)]
    image = "image" if "image" in images else (images[0] if len(images) == 1 else None)
    if image is None or features[image].np_dtype != np.uint8:
        listed = (
            ", ".join(f"{key} ({type(feature).__name__})" for key, feature in sorted(features.items())) or "unnamed"
        )
        raise DataError(f"expected one feature of tfds:{name} to be uint8 images, or one called image; got {listed}")
    labels = sorted(key for key, feature in features.items() if isinstance(feature, kinds.ClassLabel))
    label = "label" if "label" in labels else (labels[0] if len(labels) == 1 else None)
    return Named(image, label, tuple(labels) if len(labels) > 1 else ())


def _columns(where: str, source: Any, named: Named) -> Columns:
    images, labels, factors = [], [], []
    for start in range(0, len(source), BATCH):
        with quiet():
            batch = source.__getitems__(range(start, min(start + BATCH, len(source))))
        images.append(_stacked(where, start, [example[named.image] for example in batch], images))
        labels += [example[named.label] for example in batch] if named.label else []
        factors += [[example[factor] for factor in named.factors] for example in batch]
    if not images:
        raise DataError(f"tfds: {where} has no examples")
    every = np.concatenate(images)
    every = every[..., 0] if every.shape[-1] == 1 else every
    classes = np.array(labels, np.int64) if named.label else None
    return Columns(every, classes, np.array(factors, np.int64) if named.factors else None)


def _stacked(where: str, start: int, batch: list[np.ndarray], before: list[np.ndarray]) -> np.ndarray:
    shape = before[0].shape[1:] if before else batch[0].shape
    for index, found in enumerate(batch, start):
        if found.shape != shape:
            raise DataError(
                f"expected images of one size; in {where} of TFDS one is {shape} and number {index} is {found.shape}: "
                "resize them, and load them as a .npy file"
            )
    return np.stack(batch)


def _divided(name: str, found: dict[str, Columns]) -> dict[str, Columns]:
    if "train" not in found:
        raise DataError(f"expected tfds:{name} to have a split train; it has {', '.join(found) or 'none of ours'}")
    train = found["train"]
    if len(found) == len(NAMES):
        return found
    if len(found) == 1:
        rows = split_rows(name, len(train.images))
        return {split: _some(train, part) for split, part in zip(NAMES, rows, strict=True)}
    rows, cut = np.arange(len(train.images)), len(train.images) - len(train.images) // 10
    test = found["test"] if "test" in found else found["validation"]
    return {"train": _some(train, rows[:cut]), "validation": _some(train, rows[cut:]), "test": test}


def _some(columns: Columns, rows: np.ndarray) -> Columns:
    labels, factors = columns.labels, columns.factors
    return Columns(
        columns.images[rows], None if labels is None else labels[rows], None if factors is None else factors[rows]
    )
