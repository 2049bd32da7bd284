import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from vaejax.errors import DataError
from vaejax.likelihoods import discretized_logistic

from ._binarise import binarise_dynamic
from ._files import LABELS, NAMES
from ._mnist_files import FILES, as_published, found_files
from ._prepared import WRITABLE, DamagedError, first_line, folder_of, mended, needs, prepare, quiet
from ._types import Data
from ._views import scaled

LEVELS = 256
VERSION = "3.0.1"  # of both in TFDS
PACKAGE = {"fashion_mnist": ", or install Debian's package dataset-fashion-mnist"}


def fashion_mnist(data_dir: str | os.PathLike | None = None, manual_dir: str | os.PathLike | None = None) -> Data:
    """70,000 articles of clothing, 28 x 28 grey pixels, 10 classes; drawn anew as 0 or 1 (`binarise_dynamic`).

    train: the first 50,000 of the published training files, in their order; validation: the last 10,000; test: the
    10,000 of the test files. `grey` shows the 256 levels. Prepared once as TFDS's data set 3.0.1, without TensorFlow
    and with TFDS's checksums, below `data_dir` (by default where `digits` are kept); the arrays lie beside it and are
    read from there, with a checksum: what is damaged is named in a warning and prepared again.

    The four published files come from `manual_dir`, else from the folder manual/fashion_mnist in `data_dir`, else
    from Debian's package dataset-fashion-mnist, else from the network. Raises `DataError` where none has them.

    Xiao, Rasul and Vollgraf (2017), arXiv:1708.07747; the split as in Norouzi, Fleet and Norouzi (2020),
    arXiv:2004.04795.

    >>> data = fashion_mnist()  # doctest: +SKIP
    >>> data.train.shape, data.preparation, data.labels["test"][:3]  # doctest: +SKIP
    ((50000, 28, 28), 'Bernoulli(v/255), drawn anew', array([9, 2, 1], dtype=uint8))
    """
    return _dataset("fashion_mnist", data_dir, manual_dir)


def mnist(data_dir: str | os.PathLike | None = None, manual_dir: str | os.PathLike | None = None) -> Data:
    """70,000 handwritten digits, 28 x 28 grey pixels, 10 classes; drawn anew as 0 or 1 (`binarise_dynamic`).

    Kept, split and read as `fashion_mnist`, with the folder manual/mnist; there is no Debian package.
    Raises `DataError` where the files are neither there nor to be had from the network.

    LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition.

    >>> mnist().train.shape  # doctest: +SKIP
    (50000, 28, 28)
    """
    return _dataset("mnist", data_dir, manual_dir)


def _dataset(name: str, data_dir: str | os.PathLike | None, manual_dir: str | os.PathLike | None) -> Data:
    folder = folder_of(data_dir)
    manual = None if manual_dir is None else Path(manual_dir).expanduser()
    stored = mended(lambda: _read(name, folder, manual))
    labels = {split: stored[key] for split, key in zip(NAMES, LABELS, strict=True)}
    images = [stored[split] for split in NAMES]
    return binarise_dynamic(Data(name, *images, LEVELS, discretized_logistic(LEVELS), *scaled(LEVELS), labels=labels))


def _read(name: str, folder: Path, manual_dir: Path | None) -> dict[str, np.ndarray]:
    path = folder / name / VERSION
    if not path.exists():
        _prepare(name, folder, manual_dir)
    arrays = path / "splits.npz"
    if not arrays.exists():
        raise DataError(
            f"{path} was prepared by others, in another order, as it has no {arrays.name}: name another folder, with "
            "data_dir or $VAEJAX_DATA"
        )
    try:
        with arrays.open("rb") as file, np.load(file, allow_pickle=False) as stored:  # compares zip's checksums
            return {key: stored[key] for key in (*NAMES, *LABELS)}
    except Exception as error:  # numpy, zipfile and zlib each raise their own
        raise DamagedError(f"images of {name}", path, first_line(error)) from error


def _prepare(name: str, folder: Path, manual_dir: Path | None) -> None:
    """In a folder of TFDS, from files found or downloaded; nothing is seen there before it is whole."""
    source = found_files(name, folder, manual_dir)
    print(f"preparing {name} in {folder}, once, from {source or 'the network'}", file=sys.stderr, flush=True)
    with quiet():
        import tensorflow_datasets as tfds

        from ._mnist_builders import BUILDERS

    advice = (
        f"the files {', '.join(FILES)} can be downloaded from {BUILDERS[name].URL}, or put into "
        f"{folder / 'manual' / name} or a folder named by manual_dir{PACKAGE.get(name, '')}; or {WRITABLE}"
    )
    with needs(f"images of {name}", folder, advice), tempfile.TemporaryDirectory() as published:
        for file in [source / file for file in FILES] if source else []:
            Path(published, file.name).write_bytes(as_published(name, file))
        config = tfds.download.DownloadConfig(
            manual_dir=published, try_download_gcs=False, force_checksums_validation=True
        )
        with quiet():
            builder = BUILDERS[name](data_dir=str(folder), file_format="array_record")
        prepare(builder, download_config=config)
