"""What a trained model's latents are used for: paths between codes and their lengths, directions, traversals."""

from ._attributes import attribute_direction as attribute_direction
from ._attributes import moved as moved
from ._attributes import probe_direction as probe_direction
from ._interpolate import interpolate as interpolate
from ._metric import length as length
from ._metric import log_volume as log_volume
from ._metric import metric as metric
from ._paths import Path as Path
from ._paths import latent_by_latent as latent_by_latent
from ._paths import linear as linear
from ._paths import spherical as spherical
from ._shortest import density_following as density_following
from ._shortest import geodesic as geodesic
from ._traversal import Traversal as Traversal
from ._traversal import traversal as traversal
