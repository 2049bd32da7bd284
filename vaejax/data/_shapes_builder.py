"""The TFDS builder of shapes. Importing this file imports TFDS (no TensorFlow), so only functions import it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import tensorflow_datasets as tfds

from ._mnist_builders import png
from ._render import SHAPES
from ._types import Data

BATCH = 4096  # pictures rendered at once


@dataclass(eq=False, kw_only=True)
class ShapesConfig(tfds.core.BuilderConfig):
    """Which combinations, at which size."""

    data: Data


class VaejaxShapes(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Pictures of `vaejax.data.shapes`, with the features of TFDS's dsprites; in its order (`disable_shuffling`)."""

    name = "vaejax_shapes"
    VERSION = tfds.core.Version("1.0.0")
    builder_config: ShapesConfig

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Image(shape=(*self.builder_config.data.data_shape, 1))
        labels = [tfds.features.ClassLabel(num_classes=size) for size in SHAPES.sizes]
        named = {f"label_{name}": label for name, label in zip(SHAPES.names, labels, strict=True)}
        features = tfds.features.FeaturesDict({"image": image, **named})
        return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        splits = self.builder_config.data.splits
        return {split: self._generate_examples(np.asarray(factors)) for split, factors in splits.items()}

    def _generate_examples(self, factors: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
        view = jax.jit(jax.vmap(self.builder_config.data.view, in_axes=(None, 0)))
        for start in range(0, len(factors), BATCH):
            rows = factors[start : start + BATCH]
            pictures = np.asarray(view(jax.random.key(0), rows)).astype(np.uint8)
            for key, (picture, row) in enumerate(zip(pictures, rows.tolist(), strict=True), start):
                named = {f"label_{name}": value for name, value in zip(SHAPES.names, row, strict=True)}
                yield key, {"image": png(picture), **named}
