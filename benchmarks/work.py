"""The works that are measured: an architecture, data, a batch and a number of members each."""

import json
from typing import Any, NamedTuple


class Work(NamedTuple):
    """A VAE with ReLU, normal q, Bernoulli p, Adam at 1e-3; all members start from the same parameters.

    channels: of convolutions, 4 x 4 with stride 2, mirrored in the decoder; none is an MLP.
    steps: of one member, that a line asks for; a grid shares them among its members. whole: steps of one member in a
        whole run, to which the table extrapolates.
    checked: steps of each member after which the losses of the ways are compared; after 50, batches alone move them
        by 8%, after 150 by 2%.
    num_samples: 0 is training; else draws of z for the log likelihood of an image, which is then what a step is.
    products: how float32 is multiplied on an accelerator, by all ways alike: as it is, or with factors rounded to TF32.
    """

    name: str
    title: str
    data: str
    members: int
    batch: int
    hidden: tuple[int, ...]
    latent_size: int
    channels: tuple[int, ...] = ()
    size: int = 28
    steps: int = 200
    whole: int = 0
    checked: int = 150
    num_samples: int = 0
    products: str = "float32"

    @property
    def unit(self) -> str:
        """What the times of the table are of."""
        return "image" if self.num_samples else "step of a member"

    def said(self) -> str:
        """As JSON; `work_from` reads it back.

        >>> work_from(WORKS["digits"].said()) == WORKS["digits"]
        True
        """
        return json.dumps(self._asdict())


PRODUCTS = {"float32": "float32", "tf32": "tensorfloat32"}  # as jax calls them


def work_from(text: str) -> Work:
    """What `Work.said` wrote."""
    found: dict[str, Any] = json.loads(text)
    return Work(**found)._replace(hidden=tuple(found["hidden"]), channels=tuple(found["channels"]))


FASHION = Work(
    name="fashion",
    title="20 members, MLP 784-400-32, batch 128, Fashion-MNIST",
    data="fashion_mnist",
    members=20,
    batch=128,
    hidden=(400,),
    latent_size=32,
    steps=200,
    whole=3910,  # ten epochs
)
DIGITS = Work(
    name="digits",
    title="40 members, MLP 64-64-16, batch 64, digits",
    data="digits",
    members=40,
    batch=64,
    hidden=(64,),
    latent_size=16,
    size=8,
    steps=2000,
    whole=2300,  # a hundred epochs
)
CONV = Work(
    name="conv-1",
    title="1 member, convolutions of 32-64 channels, dense 256, 16 latents, batch 64, Fashion-MNIST",
    data="fashion_mnist",
    members=1,
    batch=64,
    hidden=(256,),
    latent_size=16,
    channels=(32, 64),
    steps=40,
    whole=7820,  # ten epochs
)
CONVS = CONV._replace(name="conv-8", title=CONV.title.replace("1 member", "8 members"), members=8)
LIKELIHOOD = FASHION._replace(
    name="likelihood",
    title="log likelihood of 10,000 test images, 5,000 draws of z each, MLP 784-400-32",
    members=1,
    steps=20,
    whole=10_000,
    num_samples=5000,
)
WORKS = {work.name: work for work in (FASHION, DIGITS, CONV, CONVS, LIKELIHOOD)}
