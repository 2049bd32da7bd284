"""The TFDS builder of the digits. Importing this file imports TFDS (no TensorFlow), so only functions import it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

NUM_EXAMPLES = 1797
ENDS = {"train": (0, 1197), "validation": (1197, 1497), "test": (1497, 1797)}


class VaejaxDigits(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """scikit-learn's 1,797 digits of 8 x 8 pixels with 17 grey levels, 0 to 16.

    Split after the permutation `np.random.RandomState(0).permutation(1797)`, whose stream numpy has frozen, and kept
    in that order (`disable_shuffling`).
    """

    name = "vaejax_digits"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "1,197 train, 300 validation, 300 test."}  # noqa: RUF012

    def _info(self) -> tfds.core.DatasetInfo:
        image, label = tfds.features.Image(shape=(8, 8, 1)), tfds.features.ClassLabel(num_classes=10)
        features = tfds.features.FeaturesDict({"image": image, "label": label})
        return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        from sklearn.datasets import load_digits

        bunch: Any = load_digits()
        order = np.random.RandomState(0).permutation(NUM_EXAMPLES)
        images, labels = bunch.images[order].astype(np.uint8), bunch.target[order]
        return {split: self._generate_examples(images[i:j], labels[i:j]) for split, (i, j) in ENDS.items()}

    def _generate_examples(self, images: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
        for key, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield (
                key,
                {"image": Image.fromarray(image), "label": int(label)},
            )  # as PIL: TFDS encodes it without TensorFlow
