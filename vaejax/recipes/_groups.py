"""Several groups of latents, and labels on some examples."""

from collections.abc import Sequence
from typing import Any

from vaejax import hierarchy, nets, objectives, variants
from vaejax.model import vae
from vaejax.recipes._taught import GradientTransformation, taught
from vaejax.types import NetBuilder, Number, Shape, Trainer


def ladder(
    encoder: NetBuilder,
    decoder: NetBuilder,
    prior_net: NetBuilder,
    *,
    latent_sizes: Sequence[Number] = (16, 16, 16),
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Three groups of latents, top down, with posteriors relative to the priors; Adam at 1e-3.

    `model` is what `vj.ladder` takes. Sonderby et al. (2016), arXiv:1602.02282; Vahdat and Kautz (2020),
    arXiv:2007.03898.

    >>> import vaejax as vj
    >>> ladder(*[vj.nets.mlp(8)] * 3, data_shape=(4,)).model.active().shape
    (48,)
    """
    made = hierarchy.ladder(encoder, decoder, prior_net, latent_sizes=latent_sizes, **model)
    return taught(made, objectives.elbo(), optimizer, 1e-3)


def hvae2(
    *,
    data_shape: Shape,
    latent_sizes: tuple[Number, Number] = (40, 40),
    width: Number = 300,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Two-level VAE: 40 latents above 40, gated dense layers of 300; Adam at 5e-4.

    The paper has q(z_1|x, z_2) itself from a network, ours is relative to p(z_1|z_2); its networks join two branches
    where ours see all inputs at once. Tomczak and Welling (2018), arXiv:1705.07120, section 4.

    >>> hvae2(data_shape=(4,), latent_sizes=(2, 2), width=8).model.active().shape
    (4,)
    """
    net = nets.gated_mlp(width, width)
    made = hierarchy.ladder(net, net, net, data_shape=data_shape, latent_sizes=latent_sizes, **model)
    return taught(made, objectives.elbo(), optimizer, 5e-4)


def m2(
    encoder: NetBuilder,
    decoder: NetBuilder,
    classifier: NetBuilder,
    *,
    num_classes: Number = 10,
    alpha: Number = 1.0,
    optimizer: GradientTransformation | None = None,
    **model: Any,
) -> Trainer:
    """Semi-supervised M2: the class is a latent that is known for some examples; Adam at 3e-4.

    alpha: 0.1 times the number of examples for each that has a label, in the paper. The context of an example is its
    label or -1 (`vj.data.few_labels`). Kingma et al. (2014), arXiv:1406.5298.

    >>> import vaejax as vj
    >>> m2(*[vj.nets.mlp(8)] * 3, data_shape=(4,), latent_size=2).model.active().shape
    (12,)
    """
    made = variants.labelled(vae(encoder, decoder, **model), classifier, num_classes)
    return taught(made, objectives.m2(num_classes, alpha), optimizer, 3e-4)
