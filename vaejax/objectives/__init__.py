"""What training maximises, over a batch, in nats per example. One file, one objective or one family of them.

Beside them what some are given: estimates of the aggregate q(z) (`minibatch_weighted`, `minibatch_stratified`) and
kernels (`rbf`, `inverse_multiquadratic`).
"""

from ._adversarial import adversarial as adversarial
from ._adversarial import factor as factor
from ._aggregates import minibatch_stratified as minibatch_stratified
from ._aggregates import minibatch_weighted as minibatch_weighted
from ._beta_tc import beta_tc as beta_tc
from ._capacity import capacity as capacity
from ._constrained import geco as geco
from ._constrained import target_rate as target_rate
from ._dip import dip_i as dip_i
from ._dip import dip_ii as dip_ii
from ._dreg import dreg as dreg
from ._elbo import elbo as elbo
from ._free_bits import free_bits as free_bits
from ._gradient_penalty import gradient_penalty as gradient_penalty
from ._info_vae import info_vae as info_vae
from ._info_vae import wae as wae
from ._iwae import iwae as iwae
from ._kernels import Kernel as Kernel
from ._kernels import inverse_multiquadratic as inverse_multiquadratic
from ._kernels import rbf as rbf
from ._m2 import m2 as m2
from ._miwae import miwae as miwae
from ._miwae import piwae as piwae
from ._multi_rate import multi_rate as multi_rate
from ._stl import stl as stl
