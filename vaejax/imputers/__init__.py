"""What was not observed of an example, given what was: draws of p(z|x_obs), and completions, means and intervals."""

from ._annealed import annealed as annealed
from ._chains import metropolis_within_gibbs as metropolis_within_gibbs
from ._chains import pseudo_gibbs as pseudo_gibbs
from ._completions import completions as completions
from ._importance_resampling import importance_resampling as importance_resampling
from ._impute import Imputed as Imputed
from ._impute import impute as impute
from ._types import Imputer as Imputer
from ._types import Latents as Latents
