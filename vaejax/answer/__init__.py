"""From measures to a sentence: which latent size, which beta, and how sure."""

from ._bottleneck import Answer as Answer
from ._bottleneck import bottleneck as bottleneck
from ._paid import Paid as Paid
from ._paid import sentence as sentence
from ._paid import sheet as sheet
