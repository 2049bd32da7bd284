"""What training maximises, over a batch, in nats per example. One file, one objective or one family of them."""

from ._capacity import capacity as capacity
from ._dreg import dreg as dreg
from ._elbo import elbo as elbo
from ._iwae import iwae as iwae
from ._miwae import miwae as miwae
from ._miwae import piwae as piwae
from ._stl import stl as stl
