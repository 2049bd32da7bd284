"""q(z | x): what the encoder says about the latents. One file, one family."""

from ._normal import normal as normal
