"""p(z): where the latents are expected to be. One file, one family."""

from ._coupling_flow import coupling_flow as coupling_flow
from ._mixture import mixture as mixture
from ._standard_laplace import standard_laplace as standard_laplace
from ._standard_normal import standard_normal as standard_normal
from ._uniform_bernoulli import uniform_bernoulli as uniform_bernoulli
from ._uniform_categorical import uniform_categorical as uniform_categorical
from ._uniform_levels import uniform_levels as uniform_levels
from ._uniform_sphere import uniform_sphere as uniform_sphere
