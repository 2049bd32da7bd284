"""Many members at once: axes, the programs they share, the run and its result."""

from ._axes import members_of as members_of
from ._axes import points as points
from ._axes import zipped as zipped
from ._dataset import DESCRIPTIONS as DESCRIPTIONS
from ._each import each_member as each_member
from ._endings import Until as Until
from ._endings import halving as halving
from ._endings import patience as patience
from ._keep import Keeper as Keeper
from ._mesh import mesh as mesh
from ._mesh import mesh_of as mesh_of
from ._program import Program as Program
from ._program import some_of as some_of
from ._restored import remeasured as remeasured
from ._restored import restored as restored
from ._result import Member as Member
from ._result import Result as Result
from ._result import ensemble as ensemble
from ._result import extract as extract
from ._result import member_at as member_at
from ._run import MEASURING_SEED as MEASURING_SEED
from ._run import examples_at_once as examples_at_once
from ._run import measuring_keys as measuring_keys
from ._sweep import fit as fit
from ._sweep import seen_by as seen_by
from ._sweep import sweep as sweep
