"""What is measured of a trained grid, and put into its table: `vj.evaluate`, and the measures that it is given."""

from ._agreement import agreement as agreement
from ._anatomy import anatomy as anatomy
from ._anatomy import rates_of as rates_of
from ._cost import cost as cost
from ._dimension import dimension as dimension
from ._disentanglement import disentanglement as disentanglement
from ._evaluate import MEASURES as MEASURES
from ._evaluate import evaluate as evaluate
from ._evaluate import everything as everything
from ._generation import generation as generation
from ._held import Held as Held
from ._learned import Learned as Learned
from ._likelihood import likelihood as likelihood
from ._mapped import key_of_measures as key_of_measures
from ._mapped import measure as measure
from ._mapped import of_each as of_each
from ._reconstruction import reconstruction as reconstruction
from ._representation import representation as representation
from ._types import Measure as Measure
from ._types import Members as Members
