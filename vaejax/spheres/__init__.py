"""What laws on the unit sphere need: its area, the normaliser of von Mises and Fisher, and how their angle is drawn.

`size` is the number of dimensions in all of it, 2 or more, and may be traced; results take its dtype.
"""

from ._angle import moved_angle as moved_angle
from ._bessel import log_area as log_area
from ._bessel import log_normaliser as log_normaliser
from ._bessel import log_normaliser_below as log_normaliser_below
from ._bessel import rate as rate
from ._bessel import ratio as ratio
from ._bessel import shortfall as shortfall
from ._bessel import small as small
from ._latents import narrower as narrower
from ._latents import size_of as size_of
from ._latents import uniform as uniform
from ._latents import unit as unit
