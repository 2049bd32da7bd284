"""The layers of a work: their shapes, their first parameters and their floating-point operations. NumPy alone."""

import itertools
import math
from typing import NamedTuple

import numpy as np

from benchmarks.work import Work

Parameters = dict[str, np.ndarray]  # "encoder/hidden_0/kernel" and so on; channels last, [height, width, in, out]
KERNEL, STRIDE = 4, 2


class Layer(NamedTuple):
    """kernel: [in, out], or [height, width, in, out]. side: of the larger image of a convolution, 0 where dense."""

    name: str
    kernel: tuple[int, ...]
    side: int = 0


def layers_of(work: Work) -> list[Layer]:
    """Every layer, the first that sees x first. The outputs of q are means, then log scales.

    >>> from benchmarks.work import WORKS
    >>> [layer.kernel for layer in layers_of(WORKS["fashion"])]
    [(784, 400), (400, 64), (32, 400), (400, 784)]
    """
    pixels = work.size * work.size
    sides = [work.size // STRIDE**index for index in range(len(work.channels) + 1)]
    images = list(zip([1, *work.channels[:-1]], work.channels, sides, strict=False))
    flat = sides[-1] ** 2 * work.channels[-1] if work.channels else pixels
    down, up = [flat, *work.hidden], [work.latent_size, *work.hidden[::-1]]
    encoder = [Layer(f"conv_{index}", (KERNEL, KERNEL, a, b), side) for index, (a, b, side) in enumerate(images)]
    encoder += [Layer(f"hidden_{index}", pair) for index, pair in enumerate(itertools.pairwise(down))]
    encoder.append(Layer("output", (down[-1], 2 * work.latent_size)))
    up = [*up, flat] if work.channels else up
    decoder = [Layer(f"hidden_{index}", pair) for index, pair in enumerate(itertools.pairwise(up))]
    decoder += [
        Layer("output" if index + 1 == len(images) else f"deconv_{index}", (KERNEL, KERNEL, b, a), side)
        for index, (a, b, side) in enumerate(images[::-1])
    ]
    decoder += [] if work.channels else [Layer("output", (up[-1], pixels))]
    return [
        layer._replace(name=f"{part}/{layer.name}")
        for part, layers in (("encoder", encoder), ("decoder", decoder))
        for layer in layers
    ]


def first_parameters(work: Work) -> Parameters:
    """Kernels from N(0, 1/fan-in), biases of zero; the same for whoever asks."""
    rng, found = np.random.default_rng(0), {}
    for layer in layers_of(work):
        fan_in = math.prod(layer.kernel[:-1]) / (STRIDE**2 if layer.name.startswith("decoder") and layer.side else 1)
        found[f"{layer.name}/kernel"] = (rng.standard_normal(layer.kernel) / math.sqrt(fan_in)).astype(np.float32)
        found[f"{layer.name}/bias"] = np.zeros(layer.kernel[-1], np.float32)
    return found


def flops_of(work: Work) -> int:
    """Floating-point operations of the products of one step of one member, or of the log likelihood of one image.

    A multiplication and an addition are two; taps of a convolution that lie on the padding are none. A step has three
    products a layer, forward and for two gradients, and two in the first layer, whose input has no gradient. The log
    likelihood needs one encoding, and a decoding for each draw. What is done entry by entry is not counted.

    >>> from benchmarks.work import WORKS
    >>> flops_of(WORKS["fashion"]) == 2 * 128 * (3 * (784 * 400 * 2 + 400 * 64 + 32 * 400) - 784 * 400)
    True
    """
    layers = layers_of(work)
    once = [round(2 * math.prod(layer.kernel) * _places(layer)) for layer in layers]
    if work.num_samples:
        decoder = sum(one for layer, one in zip(layers, once, strict=True) if layer.name.startswith("decoder"))
        return sum(once) + (work.num_samples - 1) * decoder
    return work.batch * (3 * sum(once) - once[0])


def _places(layer: Layer) -> float:
    """How often a tap meets a pixel, a mean over taps."""
    if not layer.side:
        return 1
    small = layer.side // STRIDE
    before = (KERNEL - STRIDE) // 2
    met = sum(0 <= STRIDE * at - before + tap < layer.side for at in range(small) for tap in range(KERNEL))
    return (met / KERNEL) ** 2
