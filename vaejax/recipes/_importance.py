"""Several draws of z for each example."""

from typing import Any

from vaejax import objectives
from vaejax.model import vae
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Trainer


def iwae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_samples: Number = 50,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The importance-weighted bound of 50 draws; Adam at 1e-3, where the paper starts.

    Burda, Grosse and Salakhutdinov (2016), arXiv:1509.00519.

    >>> import vaejax as vj
    >>> iwae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'num_samples': 50}
    """
    return taught(vae(encoder, decoder, **model), objectives.iwae(num_samples), optimizer, 1e-3)


def miwae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_importance: Number = 8,
    num_outer: Number = 8,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The mean of 8 bounds of 8 draws; Adam at 1e-3.

    Rainforth et al. (2018), arXiv:1802.04537. For missing data give `Example.observed`: Mattei and Frellsen (2019),
    arXiv:1812.02633, train with `iwae`.

    >>> import vaejax as vj
    >>> miwae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'num_importance': 8, 'num_outer': 8}
    """
    return taught(vae(encoder, decoder, **model), objectives.miwae(num_importance, num_outer), optimizer, 1e-3)


def piwae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_importance: Number = 8,
    num_outer: Number = 8,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The bound of 64 draws for p, the mean of 8 bounds of 8 for q; Adam at 1e-3.

    Rainforth et al. (2018), arXiv:1802.04537.

    >>> import vaejax as vj
    >>> piwae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'num_importance': 8, 'num_outer': 8}
    """
    return taught(vae(encoder, decoder, **model), objectives.piwae(num_importance, num_outer), optimizer, 1e-3)


def dreg(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_samples: Number = 50,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The bound of `iwae` by its doubly reparameterised gradient; Adam at 1e-3.

    Tucker et al. (2019), arXiv:1810.04152.

    >>> import vaejax as vj
    >>> dreg(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).objective.settings
    {'num_samples': 50}
    """
    return taught(vae(encoder, decoder, **model), objectives.dreg(num_samples), optimizer, 1e-3)


def stl(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The ELBO by the gradient along the path alone (sticking the landing); Adam at 1e-3.

    Roeder, Wu and Duvenaud (2017), arXiv:1703.09194.

    >>> import vaejax as vj
    >>> stl(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    return taught(vae(encoder, decoder, **model), objectives.stl(), optimizer, 1e-3)
