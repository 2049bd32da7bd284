import contextlib
import io
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar

from vaejax.errors import DataError, VaejaxWarning

T = TypeVar("T")
RETRIES = 4  # of a download; TFDS's own 10 wait for minutes where there is no network
WRITABLE = "name a folder that can be written, with data_dir or $VAEJAX_DATA"


class DamagedError(Exception):
    """What is kept in `path` is not what was written there."""

    def __init__(self, what: str, path: Path, why: str):
        super().__init__(f"the {what} prepared in {path} are damaged ({why})")
        self.what, self.path = what, path


def folder_of(data_dir: str | os.PathLike | None) -> Path:
    """Where data are kept: `data_dir`, else `$VAEJAX_DATA`, else `$XDG_CACHE_HOME/vaejax`, else `~/.cache/vaejax`."""
    if data_dir is None:
        data_dir = os.environ.get("VAEJAX_DATA") or None
    if data_dir is None:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vaejax"
    return Path(data_dir).expanduser()


def mended(read: Callable[[], T]) -> T:
    """What `read` gives. Where it finds damage, that is deleted, with a warning, for `read` to prepare it again."""
    try:
        return read()
    except DamagedError as damage:
        warnings.warn(f"{damage}; they are prepared again", VaejaxWarning, stacklevel=4)
        with contextlib.suppress(FileNotFoundError), needs(damage.what, damage.path, WRITABLE):
            shutil.rmtree(damage.path)
    try:
        return read()
    except DamagedError as damage:
        raise DataError(
            f"{damage}, also after they were prepared again: delete {damage.path} and try again"
        ) from damage


def prepare(builder: Any, **how: Any) -> None:
    """TFDS writes beside the folder and renames, so it is whole or absent, whoever is killed; the first one wins."""
    try:
        with quiet(), _few_retries():
            builder.download_and_prepare(**how)
    except Exception:
        if not Path(builder.data_dir).exists():  # else another process was first
            raise


@contextlib.contextmanager
def _few_retries() -> Generator[None, None, None]:
    from tensorflow_datasets.core.download import downloader

    module: Any = downloader
    before = module.MAX_RETRIES
    try:
        module.MAX_RETRIES = RETRIES
        yield
    finally:
        module.MAX_RETRIES = before


@contextlib.contextmanager
def needs(what: str, folder: Path, advice: str) -> Generator[None, None, None]:
    """Turns whatever fails into the one `DataError` that says what to do."""
    try:
        yield
    except Exception as error:
        raise DataError(f"the {what} cannot be prepared in {folder}: {first_line(error)}; {advice}") from error


def first_line(error: Exception) -> str:
    """An error in one line."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


@contextlib.contextmanager
def quiet() -> Generator[None, None, None]:
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
