"""q(z | x): where an example's code lies. One file, one family."""

from ._bernoulli import bernoulli as bernoulli
from ._categorical import categorical as categorical
from ._fsq import fsq as fsq
from ._full_normal import full_normal as full_normal
from ._iaf import iaf as iaf
from ._low_rank_normal import low_rank_normal as low_rank_normal
from ._normal import normal as normal
from ._planar import planar as planar
from ._point import point as point
from ._von_mises_fisher import von_mises_fisher as von_mises_fisher
