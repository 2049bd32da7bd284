"""Densities that are fitted to the codes of a model, to sample from where codes are: a `Sampler` each."""

from ._bandwidths import Bandwidth as Bandwidth
from ._bandwidths import leave_one_out as leave_one_out
from ._bandwidths import scott as scott
from ._bandwidths import silverman as silverman
from ._empirical import empirical as empirical
from ._flow import flow as flow
from ._gaussian_mixture import gaussian_mixture as gaussian_mixture
from ._kernel_density import kernel_density as kernel_density
from ._tempered import tempered as tempered
from ._two_stage import two_stage as two_stage
from ._types import Codes as Codes
from ._types import Sampler as Sampler
