"""From measures to a sentence: which latent size, which beta, and how sure."""

from ._bottleneck import Answer as Answer
from ._bottleneck import bottleneck as bottleneck
