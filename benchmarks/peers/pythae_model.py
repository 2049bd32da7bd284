"""pythae's VAE round our modules, so that its trainer and its likelihood do the same work."""

import torch
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder

from benchmarks.peers.modules import Decoder, Encoder
from benchmarks.work import Work


class PythaeEncoder(BaseEncoder):
    """Means and log variances, as pythae has it."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.inner, self.latent_dim = Encoder(work), work.latent_size

    def forward(self, x: torch.Tensor) -> ModelOutput:
        """The outputs by pythae's names."""
        mean, log_scale = self.inner(x)
        return ModelOutput(embedding=mean, log_covariance=2 * log_scale)


class PythaeDecoder(BaseDecoder):
    """Probabilities, as pythae has it."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.inner = Decoder(work)

    def forward(self, z: torch.Tensor) -> ModelOutput:
        """The output by pythae's name."""
        return ModelOutput(reconstruction=self.inner(z).sigmoid())


def model_of(work: Work) -> VAE:
    """A member of a work."""
    config = VAEConfig((work.size, work.size), work.latent_size, reconstruction_loss="bce")
    return VAE(config, PythaeEncoder(work), PythaeDecoder(work))
