"""The networks of a work in PyTorch, from the parameters that all ways start from."""

import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.data import HELD, Bits
from benchmarks.networks import first_parameters, layers_of
from benchmarks.work import Work


def device_of(work: Work) -> torch.device:
    """A GPU where there is one, else all cores that this process may use; products by the precision of the work."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = work.products == "tf32"
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def finished(device: torch.device) -> None:
    """Wait for all that was asked of a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize()


class Encoder(nn.Module):
    """Images `[batch, size, size]` to means and log scales, `[batch, latent]` each."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.layers = modules_of(work, "encoder")
        self.latent_size = work.latent_size

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Convolutions where there are any, dense layers, a linear one."""
        h = x[:, None]
        for name, layer in self.layers.items():
            h = layer(h if name.startswith("conv") else h.flatten(1))
            h = h if name == "output" else functional.relu(h)
        mean, log_scale = h.split(self.latent_size, 1)
        return mean, log_scale


class Decoder(nn.Module):
    """Latents to logits, `[batch, size, size]`."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.layers = modules_of(work, "decoder")
        self.size, self.channels = work.size, work.channels[::-1]

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """The encoder's mirror image."""
        h, small = z, self.size // 2 ** len(self.channels)
        for name, layer in self.layers.items():
            if isinstance(layer, nn.ConvTranspose2d) and h.ndim == 2:
                h = h.view(-1, self.channels[0], small, small)
            h = layer(h)
            h = h if name == "output" else functional.relu(h)
        return h.view(-1, self.size, self.size)


def modules_of(work: Work, part: str) -> nn.ModuleDict:
    """The layers of the encoder or the decoder, in order, with the first parameters."""
    canonical, found = first_parameters(work), {}
    layers = [layer for layer in layers_of(work) if layer.name.startswith(part)]
    dense = [layer for layer in layers if not layer.side]
    beside_image = dense[0 if part == "encoder" else -1].name if work.channels else ""
    for layer in layers:
        kernel, bias = canonical[f"{layer.name}/kernel"], canonical[f"{layer.name}/bias"]
        if not layer.side:
            if layer.name == beside_image:
                kernel, bias = _channels_first(work, part, kernel, bias)
            module, weight = nn.Linear(*layer.kernel), kernel.T
        elif part == "encoder":
            module, weight = nn.Conv2d(*layer.kernel[2:], 4, 2, 1), kernel.transpose(3, 2, 0, 1)
        else:  # PyTorch turns the kernel of a transposed convolution round
            module, weight = nn.ConvTranspose2d(*layer.kernel[2:], 4, 2, 1), kernel[::-1, ::-1].transpose(2, 3, 0, 1)
        module.load_state_dict({"weight": _tensor(weight), "bias": _tensor(bias)})
        found[layer.name.split("/")[1]] = module
    return nn.ModuleDict(found)


def _channels_first(work: Work, part: str, kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A dense layer beside an image, whose entries are in the order of PyTorch."""
    small = work.size // 2 ** len(work.channels)
    order = np.arange(small * small * work.channels[-1]).reshape(small, small, -1).transpose(2, 0, 1).ravel()
    return (kernel[order], bias) if part == "encoder" else (kernel[:, order], bias[order])


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def terms_of(
    decoder: nn.Module, x: torch.Tensor, mean: torch.Tensor, log_scale: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Nats per example at z = mean + scale * noise."""
    logits = decoder(mean + log_scale.exp() * noise)
    distortion = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2))
    rate = (0.5 * ((2 * log_scale).exp() + mean**2 - 1) - log_scale).sum(1)
    return (distortion + rate).mean()


def held_loss(encoder: nn.Module, decoder: nn.Module, bits: Bits, device: torch.device) -> float:
    """Nats per held example, at z = the mean of q."""
    x = torch.from_numpy(bits.test[:HELD]).to(device).float()
    with torch.no_grad():
        mean, log_scale = encoder(x)
        return float(terms_of(decoder, x, mean, log_scale, torch.zeros_like(mean)))
