"""The machine's rate as PyTorch reaches it: a product of large float32 matrices."""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
import torch

from benchmarks.data import Bits
from benchmarks.peers.modules import device_of, finished
from benchmarks.work import Work


def make(work: Work, bits: Bits) -> Way:
    """A step is one product of two `[size, size]`."""
    device = device_of(work)
    a = torch.randn(work.size, work.size, device=device)

    def run(num: int) -> None:
        for _ in range(num):
            a @ a
        finished(device)

    return Way(run, None, part=20 if device.type == "cuda" else 1)  # one is over before it can be timed


if __name__ == "__main__":
    serve(make)
