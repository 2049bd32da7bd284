"""From measures to a sentence: which latent size, which beta, and how sure; and the search that takes the measures."""

from ._bottleneck import Answer as Answer
from ._bottleneck import bottleneck as bottleneck
from ._look import Look as Look
from ._look import look_at as look_at
from ._paid import Paid as Paid
from ._paid import sentence as sentence
from ._paid import sheet as sheet
from ._proposal import Proposal as Proposal
from ._proposal import propose as propose
from ._rounds import Stage as Stage
from ._search import Found as Found
from ._search import Trained as Trained
from ._search import find_bottleneck as find_bottleneck
from ._tuning import Gain as Gain
from ._tuning import gain_of as gain_of
