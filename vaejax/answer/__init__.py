"""From measures to a sentence: which latent size, which beta, and how sure; and the search that takes the measures."""

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
from ._look import Look as Look
from ._look import look_at as look_at
from ._paid import Paid as Paid
from ._paid import sentence as sentence
from ._paid import sheet as sheet
from ._pareto import Pareto as Pareto
from ._pareto import pareto as pareto
from ._proposal import Proposal as Proposal
from ._proposal import propose as propose
from ._rates import Point as Point
from ._rounds import Stage as Stage
from ._search import Found as Found
from ._search import Trained as Trained
from ._search import find_bottleneck as find_bottleneck
from ._tuning import Gain as Gain
from ._tuning import gain_of as gain_of
