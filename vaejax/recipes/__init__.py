"""The models of the field by the names they are searched for: each is a composition and gives a trainer.

What each is made of, its paper and what was checked: README.md beside this file.
"""

from ._aggregate import aae as aae
from ._aggregate import info_vae as info_vae
from ._aggregate import wae_mmd as wae_mmd
from ._deterministic import ae as ae
from ._deterministic import dae as dae
from ._deterministic import dvae as dvae
from ._deterministic import rae_gp as rae_gp
from ._deterministic import rae_l2 as rae_l2
from ._discrete import bernoulli_vae as bernoulli_vae
from ._discrete import categorical_vae as categorical_vae
from ._discrete import fsq as fsq
from ._discrete import vq_vae as vq_vae
from ._disentangling import beta_tc as beta_tc
from ._disentangling import dip_i as dip_i
from ._disentangling import dip_ii as dip_ii
from ._disentangling import factor_vae as factor_vae
from ._flat import beta_vae as beta_vae
from ._flat import capacity_vae as capacity_vae
from ._flat import free_bits as free_bits
from ._flat import geco as geco
from ._flat import multi_rate as multi_rate
from ._flat import vae as vae
from ._groups import hvae2 as hvae2
from ._groups import ladder as ladder
from ._groups import m2 as m2
from ._importance import dreg as dreg
from ._importance import iwae as iwae
from ._importance import miwae as miwae
from ._importance import piwae as piwae
from ._importance import stl as stl
from ._posteriors import svae as svae
from ._posteriors import vae_iaf as vae_iaf
from ._posteriors import vae_planar as vae_planar
from ._priors import cvae as cvae
from ._priors import flow_prior as flow_prior
from ._priors import mixture_prior as mixture_prior
from ._priors import vamp as vamp
