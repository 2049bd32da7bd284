"""What the codes of a trained model are used for: where they lie, and new examples from there."""

from ._aggregate import Aggregate as Aggregate
from ._aggregate import aggregate as aggregate
from ._codes import code_of as code_of
from ._codes import codes_of as codes_of
from ._codes import latent_of as latent_of
from ._generate import generate_from as generate_from
from ._generate import generate_mean_from as generate_mean_from
from ._generate import prior_of as prior_of
from ._holes import Score as Score
from ._holes import distance_score as distance_score
from ._holes import hole_score as hole_score
from ._holes import threshold_of as threshold_of
from ._posteriors import Posteriors as Posteriors
from ._posteriors import posteriors_of as posteriors_of
from ._rejected import Rejected as Rejected
from ._rejected import rejected as rejected
from ._repaired import Move as Move
from ._repaired import Repaired as Repaired
from ._repaired import encode_decode as encode_decode
from ._repaired import repaired as repaired
from ._repaired import to_nearest as to_nearest
from ._repaired import uphill as uphill
from ._variations import Variations as Variations
from ._variations import variations as variations
