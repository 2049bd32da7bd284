"""The VAE: two networks and three families make pure functions of one example; latent size is a mask."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from vaejax import divergences
from vaejax.assembly import active_latents, built, context_of, first_params, maskable, prior_stats_net, widest_of
from vaejax.decoding import ENCODER, PRIOR_NET, decoding, net_key, seen
from vaejax.families import known_mean, narrowed
from vaejax.likelihoods import learned_normal
from vaejax.numerics import require_count
from vaejax.posteriors import normal
from vaejax.priors import standard_normal
from vaejax.types import VAE, Draw, Example, Family, Key, Latent, NetBuilder, Number, Params, Parts, Shape


def vae(  # noqa: C901  (the functions of a model, each a line or two, are counted as one)
    encoder: NetBuilder,
    decoder: NetBuilder,
    *,
    data_shape: Shape,
    latent_size: Number,
    max_latent_size: Number | None = None,
    posterior: Family | None = None,
    prior: Family | None = None,
    prior_net: NetBuilder | None = None,
    likelihood: Family | None = None,
) -> VAE:
    """p(z) p(x|z) and q(z|x): the functions `init, encode, sample, decode, ...` of one example.

    The encoder is asked for the stats of q(z|x) and sees `(x, context)`; the decoder is asked for those of p(x|z) and
    sees `(context, z)`. With `max_latent_size`, arrays have that many latents and the first `latent_size` are in use:
    `latent_size` may then be traced, and the model equals the truly smaller one, initial weights included. Where a
    network or a family cannot be masked, the arrays have `latent_size` latents whatever the maximum, and it may not be
    traced.

    posterior: `posteriors.normal()`. prior: `priors.standard_normal()` of latents of the posterior's shape; one that is
    given must be on the posterior's space. likelihood: `likelihoods.learned_normal()`, a density on any real data;
    name the one that is a distribution on yours. prior_net: asked for the stats of a prior that has some, p(z|context),
    and sees the context; any family does, like `posteriors.normal()`.

    Raises: VaejaxError where a size is known and out of range; NetworkError, in `init`, where a network does not fit.
    Kingma and Welling (2014), arXiv:1312.6114; Rezende, Mohamed and Wierstra (2014), arXiv:1401.4082.

    >>> import vaejax as vj
    >>> model = vae(vj.nets.mlp(16), vj.nets.mlp(16), data_shape=(8, 8), latent_size=2, max_latent_size=4)
    >>> params = model.init(jax.random.key(0), vj.Example(jnp.zeros((1, 8, 8))))
    >>> model.encode(params, vj.Example(jnp.zeros((8, 8)))).shape
    (4,)
    """
    data_shape = tuple(require_count("an entry of data_shape", size) for size in data_shape)
    num_latents, masked = widest_of((latent_size,), max_latent_size)
    posterior, likelihood = posterior or normal(), likelihood or learned_normal()
    prior = prior or standard_normal(posterior.unit_shape)
    rate_of = divergences.closed_form(posterior, prior)
    active = active_latents(num_latents, latent_size, posterior.unit_shape)

    def compact() -> VAE:
        return vae(
            encoder,
            decoder,
            data_shape=data_shape,
            latent_size=require_count("latent_size", latent_size),
            posterior=posterior,
            prior=prior,
            prior_net=prior_net,
            likelihood=likelihood,
        )

    shapes = {
        "encoder": (posterior.num_stats, *active.shape),
        "decoder": (likelihood.num_stats, *data_shape),
        "prior_net": (prior.num_stats, *active.shape),
    }
    builders = {"encoder": encoder, "decoder": decoder, "prior_net": prior_stats_net(prior, prior_net)}
    nets = {name: built(name, builder, shapes[name]) for name, builder in builders.items()}
    can = {
        "encoder": nets["encoder"].outputs_maskable,
        "decoder": nets["decoder"].inputs_maskable,
        "prior_net": nets["prior_net"].outputs_maskable,
        "posterior": posterior.masked is not None,
        "prior": prior.masked is not None,
    }
    if masked and not maskable(can, latent_size):
        return compact()
    q, p = (narrowed(family, active) if masked else family for family in (posterior, prior))
    q_mean, p_of_x = known_mean(q), decoding(nets["decoder"], likelihood, active)

    def init(key: Key, batch: Example) -> Params:
        context = context_of(batch, data_shape)
        keys = jax.random.split(key, 5)
        net_keys = {"encoder": keys[0], "decoder": keys[1], "prior_net": jax.random.fold_in(keys[3], 1)}
        inputs = {"encoder": (jnp.ones(data_shape), context), "decoder": (context, active), "prior_net": (context,)}
        used = {
            name: jnp.ones(shape) if name == "decoder" else jnp.broadcast_to(active[None], shape)
            for name, shape in shapes.items()
        }
        return {
            **{name: first_params(name, net, net_keys[name], inputs[name], used[name]) for name, net in nets.items()},
            "posterior": q.init(keys[2], active.shape),
            "prior": p.init(keys[3], active.shape),
            "likelihood": likelihood.init(keys[4], data_shape),
        }

    def q_stats(params: Params, example: Example) -> Array:
        return nets["encoder"].apply(params["encoder"], (seen(example), example.context), net_key(example, ENCODER))

    def p_stats(params: Params, example: Example) -> Array:
        return nets["prior_net"].apply(params["prior_net"], (example.context,), net_key(example, PRIOR_NET))

    def encode(params: Params, example: Example) -> Latent:
        return q_mean(params["posterior"], q_stats(params, example))

    def sample(key: Key, params: Params, example: Example) -> Draw:
        stats = q_stats(params, example)
        z, log_q = q.sample(key, params["posterior"], stats)
        if rate_of is None:
            return Draw(z, log_q, divergences.sampled(log_q, log_prior(params, z, example)))
        stats, prior_stats = (a * active[None] for a in (stats, p_stats(params, example)))  # zero stats cost nothing
        return Draw(z, log_q, rate_of(params["posterior"], stats, params["prior"], prior_stats, active))

    def log_posterior(params: Params, z: Latent, example: Example) -> Parts:
        return q.log_prob(params["posterior"], q_stats(params, example), z)

    def log_prior(params: Params, z: Latent, example: Example) -> Parts:
        return p.log_prob(params["prior"], p_stats(params, example), z)

    def sample_prior(key: Key, params: Params, example: Example) -> Latent:
        return p.sample(key, params["prior"], p_stats(params, example))[0]

    return VAE(
        init,
        encode,
        sample,
        p_of_x.decode,
        log_posterior,
        log_prior,
        p_of_x.log_likelihood,
        sample_prior,
        p_of_x.sample_likelihood,
        compact,
        data_shape,
        likelihood,
        lambda: active,
    )


def compacted(model: VAE, params: Params, batch: Example | None = None) -> tuple[VAE, Params]:
    """The ordinary model at its true sizes, and the prefix of every leaf that is its parameters.

    batch: examples of any values that show what the model is given; by default an x and nothing beside it.

    >>> import vaejax as vj
    >>> wide = vae(vj.nets.mlp(8), vj.nets.mlp(8), data_shape=(4,), latent_size=2, max_latent_size=5)
    >>> small, params = compacted(wide, vj.init(jax.random.key(0), wide, jnp.zeros((1, 4))))
    >>> vj.encode(small, params, jnp.zeros(4)).shape
    (2,)
    """
    small = model.compact()
    return small, {name: _cut(params[name], shapes) for name, shapes in shapes_of(small, batch).items()}


def shapes_of(model: VAE, batch: Example | None = None) -> Params:
    """The shapes of a model's parameters, with nothing computed."""
    batch = batch or Example(jnp.zeros((1, *model.data_shape)))
    return jax.eval_shape(lambda: model.init(jax.random.key(0), batch))


def _cut(params: Params, smaller: Params) -> Params:
    return jax.tree.map(lambda wide, small: wide[tuple(slice(n) for n in small.shape)], params, smaller)
