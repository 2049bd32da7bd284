from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax.numerics import require_number
from vaejax.transfer._surgery import started_from
from vaejax.types import VAE, Example, Key, Number, Params


def from_source(
    model: VAE,
    source: tuple[VAE, Params],
    *,
    share: Number = 1.0,
    context_sizes: tuple[int, int] = (0, 0),
    latents: Sequence[int] | None = None,
    fresh: Callable[[Array], Array] = jnp.zeros_like,
) -> VAE:
    """The model whose parameters start as `started_from` the source, for any objective, trainer and grid.

    share: share * (started from the source) + (1 - share) * (fresh). 1 is the source and 0 is from scratch, to the bit,
        so that both are members of one program where it is traced; between them is a source that was shrunk and
        perturbed, which can generalise better than the source itself: Ash and Adams (2020), arXiv:1910.08475.
    context_sizes, latents, fresh: as in `started_from`, which also tells what is copied.
    A member with fewer latents in use starts from the source's first ones.
    Raises: as `started_from`, where parameters are made; VaejaxError where the share is known and not in [0, 1].

    >>> import vaejax as vj
    >>> model = vj.vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2)
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> again = vj.init(jax.random.key(1), from_source(model, (model, params)), jnp.zeros((1, 4)))
    >>> bool((again["decoder"]["output"]["kernel"] == params["decoder"]["output"]["kernel"]).all())
    True
    """
    require_number("the share of a source", share, least=0.0, most=1.0)

    def started(target: tuple[VAE, Params]) -> Params:
        return started_from(source, target, context_sizes=context_sizes, latents=latents, fresh=fresh).params

    def init(key: Key, batch: Example) -> Params:
        own = model.init(key, batch)
        return jax.tree.map(lambda a, b: (share * a + (1 - share) * b).astype(b.dtype), started((model, own)), own)

    def compact() -> VAE:
        small = model.compact()
        return from_source(small, source, share=share, context_sizes=context_sizes, latents=latents, fresh=fresh)

    return model._replace(init=init, compact=compact)
