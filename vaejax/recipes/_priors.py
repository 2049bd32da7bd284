"""Other priors than N(0, I)."""

from typing import Any

from vaejax import objectives, posteriors, priors, variants
from vaejax.model import vae
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Trainer


def vamp(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_components: Number = 500,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """VampPrior: the prior is the mean posterior of 500 learned pseudo-inputs; Adam at 5e-4.

    Tomczak and Welling (2018), arXiv:1705.07120.

    >>> import vaejax as vj
    >>> vamp(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    made = variants.vamp(vae(encoder, decoder, **model), num_components)
    return taught(made, objectives.elbo(), optimizer, 5e-4)


def mixture_prior(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_components: Number = 10,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The prior is a learned mixture of diagonal normals; Adam at 1e-3.

    Dilokthanakul et al. (2016), arXiv:1611.02648, without its class-conditional encoder.

    >>> import vaejax as vj
    >>> mixture_prior(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    made = vae(encoder, decoder, prior=priors.mixture(num_components), **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)


def flow_prior(
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    num_layers: Number = 4,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """The prior is a flow of rational-quadratic spline couplings; Adam at 1e-3.

    Durkan et al. (2019), arXiv:1906.04032; learned priors: Chen et al. (2017), arXiv:1611.02731.

    >>> import vaejax as vj
    >>> flow_prior(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    made = vae(encoder, decoder, prior=priors.coupling_flow(num_layers), **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)


def cvae(
    encoder: NetBuilder,
    decoder: NetBuilder,
    prior_net: NetBuilder | None = None,
    *,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Conditional VAE: networks see the context of an example, and with `prior_net` the prior does; Adam at 1e-3.

    Sohn, Lee and Yan (2015), NeurIPS 28.

    >>> import vaejax as vj
    >>> cvae(*[vj.nets.mlp(8)] * 3, data_shape=(4,), latent_size=2).model.active().shape
    (2,)
    """
    prior = None if prior_net is None else posteriors.normal()
    made = vae(encoder, decoder, prior=prior, prior_net=prior_net, **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)
