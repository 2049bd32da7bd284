"""pythae's `get_nll`, image by image, with its own default of draws at a time."""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
import torch

from benchmarks.data import Bits
from benchmarks.peers.modules import device_of, finished
from benchmarks.peers.pythae_model import model_of
from benchmarks.work import Work

CHECKED = 10  # images


def make(work: Work, bits: Bits) -> Way:
    """A line measures the first test images again."""
    device = device_of(work)
    model = model_of(work).to(device).eval()
    x = torch.from_numpy(bits.test).float()

    def run(num: int) -> float:
        with torch.no_grad():
            found = model.get_nll(x[:num].to(device), n_samples=work.num_samples)
        finished(device)
        return -float(found)

    return Way(run, lambda: run(CHECKED))


if __name__ == "__main__":
    serve(make)
