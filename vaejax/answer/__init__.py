"""From measures to a sentence: which latent size, which beta, and how sure."""

from ._at_rate import AtRate as AtRate
from ._at_rate import at_rate as at_rate
from ._bottleneck import Answer as Answer
from ._bottleneck import bottleneck as bottleneck
from ._bottlenecks import Bottlenecks as Bottlenecks
from ._bottlenecks import bottlenecks as bottlenecks
from ._doctor import doctor as doctor
from ._findings import Diagnosis as Diagnosis
from ._findings import Finding as Finding
from ._findings import Remedy as Remedy
from ._paid import Paid as Paid
from ._paid import sentence as sentence
from ._paid import sheet as sheet
from ._pareto import Pareto as Pareto
from ._pareto import pareto as pareto
from ._rates import Point as Point
