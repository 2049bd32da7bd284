"""What training maximises, over a batch, in nats per example. One file, one objective."""

from ._capacity import capacity as capacity
from ._elbo import elbo as elbo
from ._iwae import iwae as iwae
