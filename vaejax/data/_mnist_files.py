import gzip
import struct
from pathlib import Path

import numpy as np

from vaejax.errors import DataError

PARTS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
FILES = tuple(f"{part}-ubyte.gz" for part in PARTS)
DEBIAN = {"fashion_mnist": Path("/usr/share/datasets/fashion-mnist")}  # of the package dataset-fashion-mnist
WRITTEN = {"train": 1504176606, "t10k": 1504176627}  # when upstream compressed the files of Fashion-MNIST
HAS_NAME = 8  # a flag in gzip's header


def found_files(name: str, folder: Path, manual_dir: Path | None) -> Path | None:
    """Where the four files are: `manual_dir`, else `folder/manual/name`, else Debian's package; `None`: nowhere."""
    if manual_dir is not None:
        missing = [file for file in FILES if not (manual_dir / file).is_file()]
        if missing:
            raise DataError(f"expected the files {', '.join(FILES)} in {manual_dir}; missing: {', '.join(missing)}")
        return manual_dir
    places = (folder / "manual" / name, *([DEBIAN[name]] if name in DEBIAN else []))
    return next((place for place in places if all((place / file).is_file() for file in FILES)), None)


def as_published(name: str, file: Path) -> bytes:
    """The file as it was published, so that its checksum is that of TFDS.

    Debian packs Fashion-MNIST without the name and the time in gzip's header (RFC 1952); both are put back.
    """
    raw = file.read_bytes()
    if name != "fashion_mnist" or raw[:3] != b"\x1f\x8b\x08" or raw[3] & HAS_NAME:
        return raw
    time = struct.pack("<I", WRITTEN[file.name.split("-")[0]])
    return raw[:3] + bytes([HAS_NAME]) + time + raw[8:10] + file.stem.encode() + b"\0" + raw[10:]


def read_idx(path: Path) -> np.ndarray:
    """The array of unsigned bytes in a gzipped idx file: 0, 0, 8, the number of axes, their lengths, the values."""
    content = gzip.decompress(path.read_bytes())
    num_axes = content[3]
    shape = struct.unpack_from(f">{num_axes}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * num_axes).reshape(shape)
