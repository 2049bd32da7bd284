"""How unlike the data that a model was trained on an example is, and from which score on that is an alarm."""

from ._calibrated import p_values as p_values
from ._calibrated import threshold as threshold
from ._elbo import elbo as elbo
from ._ensemble import disagreement as disagreement
from ._ensemble import ensemble as ensemble
from ._ensemble import waic as waic
from ._log_likelihood import log_likelihood as log_likelihood
from ._mahalanobis import mahalanobis as mahalanobis
from ._rate import rate as rate
from ._reconstruction import reconstruction as reconstruction
from ._reconstruction import squared_error as squared_error
from ._regret import regret as regret
from ._scored import fit as fit
from ._scored import scored as scored
from ._types import Score as Score
from ._typicality import typicality as typicality
