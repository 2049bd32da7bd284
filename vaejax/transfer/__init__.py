"""From a source to a target: surgery on parameters, who learns how fast, and whether it was worth it."""

from ._anchored import l2_sp as l2_sp
from ._anchored import only_new as only_new
from ._curves import drawn_from as drawn_from
from ._curves import learning_curves as learning_curves
from ._paced import by_depth as by_depth
from ._paced import paced as paced
from ._paced import unfrozen_at as unfrozen_at
from ._parts import part_of as part_of
from ._parts import read_params as read_params
from ._start import from_source as from_source
from ._surgery import Move as Move
from ._surgery import Started as Started
from ._surgery import started_from as started_from
from ._worth import Gain as Gain
from ._worth import Worth as Worth
from ._worth import worth as worth
