"""Several groups of latents, each of which depends on those above it."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax import divergences
from vaejax.assembly import active_latents, built, context_of, first_params, maskable, widest_of
from vaejax.decoding import ENCODER, PRIOR_NET, decoding, net_key, seen
from vaejax.errors import VaejaxError
from vaejax.families import narrowed
from vaejax.likelihoods import learned_normal
from vaejax.numerics import require_count
from vaejax.posteriors import normal
from vaejax.types import VAE, Draw, Example, Family, Key, Latent, Net, NetBuilder, Number, Params, Parts, Shape, Stats

Builders = NetBuilder | Sequence[NetBuilder]


def ladder(  # noqa: C901  (the functions of a model, each a line or two, are counted as one)
    encoder: Builders,
    decoder: NetBuilder,
    prior_net: Builders,
    *,
    data_shape: Shape,
    latent_sizes: Sequence[Number],
    max_latent_size: Number | None = None,
    likelihood: Family | None = None,
) -> VAE:
    """p(z_1) p(z_2|z_1) ... p(z_G|z_<G) p(x|z) and q(z_1|x) ... q(z_G|z_<G, x): a VAE with G groups of latents.

    Top down: p(z_1) = N(0, I), p(z_g|z_<g) is a diagonal normal, and q(z_g|z_<g, x) is one relative to it: the encoder
    of a group gives the difference of its mean and log scale to those of the prior. With one group it is the flat
    `vj.vae`. z is a vector, and `z.reshape(-1, G)[:, g]` is group g. `latent_sizes` says how many latents of each group
    are in use, and may be traced with `max_latent_size`, as in `vj.vae`. The rate comes per latent:
    `draw.rate.reshape(-1, G).sum(0)` is that of each group, given one draw of those above. log q is one part for more
    than one group.

    encoder: of every group, or a list with one for each; the first sees `(x, context)`, others `(x, (context, z_<g))`.
    decoder: sees `(context, z)`, all groups. prior_net: of every group but the first, or a list; sees
    `(context, z_<g)`. `encode` is the mean of each group given the means of those above.
    Sonderby et al. (2016), arXiv:1602.02282; relative posteriors: Vahdat and Kautz (2020), arXiv:2007.03898.

    >>> import vaejax as vj
    >>> net = vj.nets.mlp(8)
    >>> model = ladder(net, net, net, data_shape=(4,), latent_sizes=(2, 3))
    >>> params = vj.init(jax.random.key(0), model, jnp.zeros((1, 4)))
    >>> vj.sample(jax.random.key(1), model, params, jnp.zeros(4)).rate.reshape(-1, 2).sum(0).shape
    (2,)
    """
    data_shape = tuple(require_count("an entry of data_shape", size) for size in data_shape)
    num_groups, likelihood = len(_filled(latent_sizes)), likelihood or learned_normal()
    widest, masked = widest_of(latent_sizes, max_latent_size)
    active = jnp.stack([active_latents(widest, size, ()) for size in latent_sizes], axis=1)
    groups = range(num_groups)

    def compact() -> VAE:
        sizes = [require_count("latent_size", size) for size in latent_sizes]
        return ladder(encoder, decoder, prior_net, data_shape=data_shape, latent_sizes=sizes, likelihood=likelihood)

    shape = (2, widest)
    encoders = [built("encoder", one, shape) for one in _for_each("encoder", encoder, num_groups)]
    prior_nets = [built("prior_net", one, shape) for one in _for_each("prior_net", prior_net, num_groups - 1)]
    net = built("decoder", decoder, (likelihood.num_stats, *data_shape))
    if masked and not maskable(_can(encoders, prior_nets, net), *latent_sizes):
        return compact()
    family, p_of_x = normal(), decoding(net, likelihood, active.reshape(-1))

    def init(key: Key, batch: Example) -> Params:
        context, keys = context_of(batch, data_shape), jax.random.split(key, 5)
        x_stats = jnp.ones((likelihood.num_stats, *data_shape))
        return {
            **_first_of_groups(encoders, prior_nets, keys[0], keys[3], jnp.ones(data_shape), context, active),
            "decoder": first_params("decoder", net, keys[1], (context, active.reshape(-1)), x_stats),
            "posterior": (),
            "prior": (),
            "likelihood": likelihood.init(keys[4], data_shape),
        }

    def p_stats(params: Params, z: Latent, example: Example, g: int) -> Stats:
        return _p_stats(prior_nets, params, z * active, example, g)

    def q_stats(params: Params, z: Latent, example: Example, g: int) -> Stats:
        return p_stats(params, z, example, g) + _relative_stats(encoders, params, z * active, example, g)

    def top_down(step: Callable[[int, Latent], tuple[Array, ...]]) -> tuple[Array, ...]:
        """z and whatever else `step(group, z of those above)` gives, as vectors."""
        z, found = jnp.zeros_like(active), []
        for g in groups:
            found.append(step(g, z))
            z = z.at[:, g].set(found[-1][0])
        return tuple(jnp.stack(parts, axis=1).reshape(-1) for parts in zip(*found, strict=True))

    def of_group(g: int) -> Family:
        return narrowed(family, active[:, g])

    def joint(parts: Array) -> Parts:
        """Groups depend on those above, so that together they are one part."""
        return parts if num_groups == 1 else jnp.sum(parts)[None]

    def sample(key: Key, params: Params, example: Example) -> Draw:
        def step(g: int, z: Latent) -> tuple[Array, ...]:
            q, p = (stats(params, z, example, g) * active[None, :, g] for stats in (q_stats, p_stats))
            z_g, log_q = of_group(g).sample(_group_key(key, g), (), q)
            return z_g, log_q, divergences.normal_to_normal((), q, (), p, active[:, g])

        z, log_q, rate = top_down(step)
        return Draw(z, joint(log_q), rate)

    def log_prob_under(stats: Callable[[Params, Latent, Example, int], Stats]) -> Callable[..., Parts]:
        def log_prob(params: Params, z: Latent, example: Example) -> Parts:
            z = z.reshape(active.shape)
            parts = [of_group(g).log_prob((), stats(params, z, example, g), z[:, g]) for g in groups]
            return joint(jnp.stack(parts, axis=1).reshape(-1))

        return log_prob

    def encode(params: Params, example: Example) -> Latent:
        return top_down(lambda g, z: (q_stats(params, z, example, g)[0] * active[:, g],))[0]

    def sample_prior(key: Key, params: Params, example: Example) -> Latent:
        def step(g: int, z: Latent) -> tuple[Array]:
            return (of_group(g).sample(_group_key(key, g), (), p_stats(params, z, example, g))[0],)

        return top_down(step)[0]

    return VAE(
        init,
        encode,
        sample,
        p_of_x.decode,
        log_prob_under(q_stats),
        log_prob_under(p_stats),
        p_of_x.log_likelihood,
        sample_prior,
        p_of_x.sample_likelihood,
        compact,
        data_shape,
        likelihood,
        lambda: active.reshape(-1),
    )


def _can(encoders: Sequence[Net], prior_nets: Sequence[Net], decoder: Net) -> dict[str, bool]:
    """Which networks can be masked, on the sides where latents are."""
    below = [*encoders[1:], *prior_nets]
    return {
        "encoder": all(net.outputs_maskable for net in encoders) and all(net.inputs_maskable for net in encoders[1:]),
        "prior_net": all(net.outputs_maskable and net.inputs_maskable for net in below),
        "decoder": decoder.inputs_maskable,
    }


def _first_of_groups(
    encoders: Sequence[Net],
    prior_nets: Sequence[Net],
    encoder_key: Key,
    prior_key: Key,
    x: Array,
    context: Any,
    active: Latent,
) -> dict[str, Params]:
    def first(name: str, net: Net, key: Key, inputs: Any, group: int) -> Params:
        used = jnp.stack([active[:, group]] * 2)
        return first_params(f"{name} of group {group}", net, _group_key(key, group), inputs, used)

    under = [_under(context, active, group) for group in range(len(encoders))]
    return {
        "encoder": {_name(g): first("encoder", n, encoder_key, (x, under[g]), g) for g, n in enumerate(encoders)},
        "prior_net": {_name(g): first("prior_net", n, prior_key, under[g], g) for g, n in enumerate(prior_nets, 1)},
    }


def _p_stats(nets: Sequence[Net], params: Params, z: Latent, example: Example, group: int) -> Stats:
    """Of p(z_g|z_<g); zero, N(0, I), for the first group."""
    if group == 0:
        return jnp.zeros((2, len(z)))
    inputs, key = _under(example.context, z, group), _group_key(net_key(example, PRIOR_NET), group)
    return nets[group - 1].apply(params["prior_net"][_name(group)], inputs, key)


def _relative_stats(nets: Sequence[Net], params: Params, z: Latent, example: Example, group: int) -> Stats:
    """What q(z_g|z_<g, x) differs by."""
    inputs, key = (seen(example), _under(example.context, z, group)), _group_key(net_key(example, ENCODER), group)
    return nets[group].apply(params["encoder"][_name(group)], inputs, key)


def _filled(latent_sizes: Sequence[Number]) -> Sequence[Number]:
    if not isinstance(latent_sizes, Sequence) or not latent_sizes:
        raise VaejaxError(f"latent_sizes must have a size for each group, like (8, 16), got {latent_sizes!r}")
    return latent_sizes


def _for_each(name: str, builders: Builders, num: int) -> Sequence[NetBuilder]:
    if not isinstance(builders, Sequence):
        return [builders] * num
    if len(builders) != num:
        raise VaejaxError(f"expected one {name} or a list of {num}, got {len(builders)}")
    return builders


def _name(group: int) -> str:
    return f"group_{group}"


def _under(context: Any, z: Latent, group: int) -> Any:
    """What the networks of a group are told: the context and the latents above it."""
    return (context, z[:, :group]) if group else context


def _group_key(key: Any, group: int) -> Any:
    """That of the first group is the key itself, as in a flat model."""
    return key if key is None or group == 0 else jax.random.fold_in(key, group)
