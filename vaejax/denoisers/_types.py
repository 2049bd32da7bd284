from collections.abc import Callable

from vaejax.types import VAE, Event, Example, Key, Params

Denoiser = Callable[[Key, VAE, Params, Example], Event]
"""One noisy example in, its estimate of the clean one out."""
