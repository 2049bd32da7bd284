"""A loop in PyTorch, eager, one member."""

from benchmarks.protocol import Way, serve  # first: it starts the clock

# isort: split
import torch

from benchmarks.data import Bits
from benchmarks.peers.modules import Decoder, Encoder, device_of, finished, held_loss, terms_of
from benchmarks.work import Work


def make(work: Work, bits: Bits) -> Way:
    """The bits lie on the device as uint8."""
    device = device_of(work)
    encoder, decoder = Encoder(work).to(device), Decoder(work).to(device)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3)
    raw = torch.from_numpy(bits.train).to(device)

    def run(num: int) -> None:
        for _ in range(num):
            x = raw[torch.randint(len(raw), (work.batch,), device=device)].float()
            mean, log_scale = encoder(x)
            optimizer.zero_grad()
            terms_of(decoder, x, mean, log_scale, torch.randn_like(mean)).backward()
            optimizer.step()
        finished(device)

    return Way(run, lambda: held_loss(encoder, decoder, bits, device))


if __name__ == "__main__":
    serve(make)
