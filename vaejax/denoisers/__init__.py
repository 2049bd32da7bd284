"""From a noisy x to an estimate of the clean one; noises with their densities."""

from ._denoise import denoise as denoise
from ._given_noise import given_noise as given_noise
from ._given_noise import most_probable as most_probable
from ._noises import Noise as Noise
from ._noises import any_of as any_of
from ._noises import blocks as blocks
from ._noises import gaussian as gaussian
from ._noises import poisson as poisson
from ._noises import salt_and_pepper as salt_and_pepper
from ._noises import zeroed as zeroed
from ._types import Denoiser as Denoiser
from ._unknown_noise import iterated as iterated
from ._unknown_noise import posterior_mean as posterior_mean
from ._unknown_noise import reconstruction as reconstruction
