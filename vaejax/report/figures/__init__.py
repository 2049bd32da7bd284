"""The pictures of the page as matplotlib figures, for papers and notebooks; none touches pyplot or your settings."""

from ._curves import curves as curves
from ._heat_map import heat_map as heat_map
from ._latent_sizes import latent_sizes as latent_sizes
from ._learning import learning_curves as learning_curves
from ._portraits import codes as codes
from ._portraits import interpolation as interpolation
from ._portraits import rates as rates
from ._portraits import reconstructions as reconstructions
from ._portraits import samples as samples
from ._portraits import traversals as traversals
from ._rate_distortion import rate_distortion as rate_distortion
