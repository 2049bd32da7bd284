"""TFDS's MNIST and Fashion-MNIST, prepared without TensorFlow and in the order of the published files.

Importing this file imports TFDS (no TensorFlow), so only functions import it.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.image_classification import mnist

from ._mnist_files import FILES, read_idx

NUM_VALIDATION = 10_000
ARRAYS = "splits.npz"


class MNIST(mnist.MNIST, skip_registration=True):
    """LeCun, Cortes and Burges's digits. Replaced are the parts of TFDS's builder that import TensorFlow or shuffle.

    Beside the examples of TFDS, train and test, the arrays of our three splits are kept in one .npz, written before
    the folder gets its name.
    """

    STOCK = mnist.MNIST

    def _info(self) -> tfds.core.DatasetInfo:
        stock = self.STOCK._info(self)
        return tfds.core.DatasetInfo(
            builder=self,
            description=stock.description,
            features=stock.features,
            supervised_keys=stock.supervised_keys,
            homepage=stock.homepage,
            citation=stock.citation,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        paths = dl_manager.download([self.URL + file for file in FILES])
        images, labels, test, test_labels = (read_idx(path) for path in paths)
        cut = len(images) - NUM_VALIDATION
        np.savez(
            self.data_path / ARRAYS,
            train=images[:cut],
            validation=images[cut:],
            test=test,
            train_labels=labels[:cut],
            validation_labels=labels[cut:],
            test_labels=test_labels,
        )
        return {"train": _examples(images, labels), "test": _examples(test, test_labels)}


class FashionMNIST(MNIST, skip_registration=True):
    """Xiao, Rasul and Vollgraf's articles of clothing."""

    URL = mnist.FashionMNIST.URL
    STOCK = mnist.FashionMNIST


BUILDERS = {"mnist": MNIST, "fashion_mnist": FashionMNIST}


def _examples(images: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
    for key, (image, label) in enumerate(zip(images, labels, strict=True)):
        yield key, {"image": png(image), "label": int(label)}  # TFDS keeps bytes as they are


def png(image: np.ndarray) -> bytes:
    """A grey image [H, W] of uint8 as a PNG file (ISO 15948)."""
    height, width = image.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = np.zeros((height, width + 1), np.uint8)  # a zero before each row: no filter
    rows[:, 1:] = image
    content = zlib.compress(rows.tobytes(), level=0)  # array_record compresses
    return b"\x89PNG\r\n\x1a\n" + _block(b"IHDR", header) + _block(b"IDAT", content) + _block(b"IEND", b"")


def _block(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
