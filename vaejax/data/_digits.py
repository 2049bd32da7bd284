import contextlib
import hashlib
import io
import logging
import os
import shutil
import warnings
from collections.abc import Generator
from pathlib import Path

import numpy as np

from vaejax.errors import DataError
from vaejax.likelihoods import binomial

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
    splits = stored_digits(_folder(data_dir))
    images = [splits[name][0] for name in SPLITS]
    return Data("digits", *images, LEVELS, binomial(LEVELS), *scaled(LEVELS))


def stored_digits(folder: Path) -> Splits:
    """Images and labels as TFDS keeps them below `folder`, prepared there if need be."""
    try:
        with _quiet():
            return _read(folder)
    except _DamagedError as damage:
        warnings.warn(f"{damage}; they are prepared again", stacklevel=3)
        with contextlib.suppress(FileNotFoundError), _needs(folder):
            shutil.rmtree(damage.path)
    try:
        with _quiet():
            return _read(folder)
    except _DamagedError as damage:
        raise DataError(
            f"{damage}, also after they were prepared again: delete {damage.path} and try again"
        ) from damage


class _DamagedError(Exception):
    def __init__(self, path: Path, why: str):
        super().__init__(f"the digits prepared in {path} are damaged ({why})")
        self.path = path


def _folder(data_dir: str | os.PathLike | None) -> Path:
    if data_dir is None:
        data_dir = os.environ.get("VAEJAX_DATA") or None
    if data_dir is None:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vaejax"
    return Path(data_dir).expanduser()


def _read(folder: Path) -> Splits:
    from ._digits_builder import VaejaxDigits

    path = folder / VaejaxDigits.name / str(VaejaxDigits.VERSION)
    with _needs(folder):
        if not path.exists():
            _prepare(folder, path)
    try:
        builder = VaejaxDigits(data_dir=str(folder), file_format="array_record")
        splits = {name: _columns(builder.as_data_source(split=name)) for name in SPLITS}
    except Exception as error:  # TFDS, protobuf and array_record each raise their own
        raise _DamagedError(path, _first_line(error)) from error
    if _content(splits) != CONTENT:
        raise _DamagedError(path, "they are not the 1,797 images and labels that they should be")
    return splits


def _prepare(folder: Path, path: Path) -> None:
    """TFDS writes beside `path` and renames, so `path` is whole or absent, whoever is killed; the first one wins."""
    from ._digits_builder import VaejaxDigits

    try:
        VaejaxDigits(data_dir=str(folder), file_format="array_record").download_and_prepare()
    except Exception:
        if not path.exists():  # else another process was first
            raise


def _columns(source) -> tuple[np.ndarray, np.ndarray]:
    examples = [source[i] for i in range(len(source))]
    images = np.stack([example["image"][..., 0] for example in examples])
    return images, np.array([example["label"] for example in examples], np.int64)


def _content(splits: Splits) -> str:
    sha = hashlib.sha256()
    for images, labels in splits.values():
        sha.update(images.tobytes() + labels.astype("<i8").tobytes())
    return sha.hexdigest()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


@contextlib.contextmanager
def _needs(folder: Path) -> Generator[None, None, None]:
    try:
        yield
    except Exception as error:
        raise DataError(
            f"the digits cannot be prepared in {folder}: {_first_line(error)}; name a folder that can be written, with "
            "data_dir or $VAEJAX_DATA"
        ) from error


@contextlib.contextmanager
def _quiet() -> Generator[None, None, None]:
    """Hides what TFDS prints, draws and logs; absl, which it logs with, would also give the root logger a handler."""
    absl, root = logging.getLogger("absl"), logging.getLogger()
    level, handlers = absl.level, list(root.handlers)
    hidden = io.StringIO()
    try:
        with contextlib.redirect_stdout(hidden), contextlib.redirect_stderr(hidden), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            absl.setLevel(logging.CRITICAL)
            yield
    finally:
        absl.setLevel(level)
        root.handlers[:] = handlers
