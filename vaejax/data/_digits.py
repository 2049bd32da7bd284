import hashlib
import os
from pathlib import Path

import numpy as np

from vaejax.likelihoods import binomial

from ._prepared import WRITABLE, DamagedError, first_line, folder_of, mended, needs, prepare, quiet
from ._types import Data
from ._views import scaled

LEVELS = 17
SPLITS = ("train", "validation", "test")
CONTENT = (
    "cfbdbe08cc207360286f955beba4af93f277334789d86c6c377121cb8214104c"  # SHA-256 of images and labels, split by split
)

Splits = dict[str, tuple[np.ndarray, np.ndarray]]  # images [N, 8, 8] uint8 and labels [N] int64, by split


def digits(data_dir: str | os.PathLike | None = None) -> Data:
    """scikit-learn's 1,797 handwritten digits, 8 x 8 pixels, 17 grey levels: 1,197 train, 300 validation, 300 test.

    A TFDS data set of ours: prepared offline on first use, in about a second, into `data_dir`, else `$VAEJAX_DATA`,
    else `$XDG_CACHE_HOME/vaejax`, else `~/.cache/vaejax`, and read from there afterwards. The splits and the order
    are the same on every machine. Damage is found by a checksum, named in a warning, and mended by preparing again.
    Raises `DataError` where the folder cannot be written or read.

    Alpaydin and Kaynak (1998), Optical recognition of handwritten digits, UCI (its test part).

    >>> data = digits()
    >>> data.train.shape, data.likelihood.name, data.preparation
    ((1197, 8, 8), 'binomial', 'v/16')
    """
    splits = stored_digits(folder_of(data_dir))
    images = [splits[name][0] for name in SPLITS]
    labels = {name: splits[name][1] for name in SPLITS}
    return Data("digits", *images, LEVELS, binomial(LEVELS), *scaled(LEVELS), labels=labels)


def stored_digits(folder: Path) -> Splits:
    """Images and labels as TFDS keeps them below `folder`, prepared there if need be."""
    return mended(lambda: _read(folder))


def _read(folder: Path) -> Splits:
    with quiet():
        from ._digits_builder import VaejaxDigits

    path = folder / VaejaxDigits.name / str(VaejaxDigits.VERSION)
    with needs("digits", folder, WRITABLE):
        if not path.exists():
            _prepare(folder)
    try:
        with quiet():
            builder = VaejaxDigits(data_dir=str(folder), file_format="array_record")
            splits = {name: _columns(builder.as_data_source(split=name)) for name in SPLITS}
    except Exception as error:  # TFDS, protobuf and array_record each raise their own
        raise DamagedError("digits", path, first_line(error)) from error
    if _content(splits) != CONTENT:
        raise DamagedError("digits", path, "they are not the 1,797 images and labels that they should be")
    return splits


def _prepare(folder: Path) -> None:
    from ._digits_builder import VaejaxDigits

    with quiet():
        builder = VaejaxDigits(data_dir=str(folder), file_format="array_record")
    prepare(builder)


def _columns(source) -> tuple[np.ndarray, np.ndarray]:
    examples = [source[i] for i in range(len(source))]
    images = np.stack([example["image"][..., 0] for example in examples])
    return images, np.array([example["label"] for example in examples], np.int64)


def _content(splits: Splits) -> str:
    sha = hashlib.sha256()
    for images, labels in splits.values():
        sha.update(images.tobytes() + labels.astype("<i8").tobytes())
    return sha.hexdigest()
