"""Models made of a model: functions from a `VAE` to a `VAE`, for what joins two of its distributions."""

from ._vamp import vamp as vamp
