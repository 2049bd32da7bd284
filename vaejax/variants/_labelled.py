import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaejax.assembly import built, first_params
from vaejax.contexts import label_of
from vaejax.decoding import CLASSIFIER, net_key, seen
from vaejax.errors import VaejaxError
from vaejax.numerics import require_count
from vaejax.types import VAE, Draw, Event, Example, Key, Latent, NetBuilder, Number, Params, Parts, Scalar


def labelled(  # noqa: C901  (the functions of a model, each a line or two, are counted as one)
    model: VAE, classifier: NetBuilder, num_classes: Number
) -> VAE:
    """p(y) p(z) p(x|y, z) and q(y|x) q(z|x, y): the class y is a latent, which is known for some examples (M2).

    model: a VAE whose context is the class, one-hot. classifier: tells log q(y|x) up to a constant, sees `(x, None)`.
    The context of an example is now its label, an integer, or -1 where it is not known (`vj.data.few_labels`). p(y) is
    uniform. z is that of `model` and then y, one-hot: of `encode`, the last `num_classes` are q(y|x).

    With the label, bounds are on log p(x, y); without, on log p(x). Unlabelled, y is drawn from q(y|x), so that values
    are right and no gradient reaches the classifier through the draw: train with `vj.objectives.m2`, which sums over y.
    Kingma et al. (2014), arXiv:1406.5298.

    >>> import vaejax as vj
    >>> net = vj.nets.mlp(8)
    >>> model = labelled(vj.vae(net, net, data_shape=(4,), latent_size=2), net, 3)
    >>> batch = vj.Example(jnp.ones((5, 4)), jnp.array([0, 2, -1, -1, 1]))
    >>> params = vj.init(jax.random.key(0), model, batch)
    >>> vj.encode(model, params, vj.Example(jnp.ones(4), jnp.array(-1))).shape
    (5,)
    """
    num = require_count("num_classes", num_classes, least=2)
    net, size = built("classifier", classifier, (1, num)), model.active().size
    if model.active().ndim != 1:
        raise VaejaxError(f"labelled needs a model whose z is a vector, got {model.active().shape}")

    def init(key: Key, batch: Example) -> Params:
        key, own = jax.random.split(key)
        params = model.init(key, batch._replace(context=jnp.ones((len(batch.x), num))))
        inputs = (jnp.ones(model.data_shape), None)
        return {**params, "classifier": first_params("classifier", net, own, inputs, jnp.ones((1, num)))}

    def log_q_of_y(params: Params, example: Example) -> Float[Array, " classes"]:
        """log q(y|x) of each class, and of a known label 0 and -inf."""
        inputs = (seen(example), None)
        free = jax.nn.log_softmax(net.apply(params["classifier"], inputs, net_key(example, CLASSIFIER))[0])
        known = jnp.where(jnp.arange(num) == label_of(example), 0.0, -jnp.inf)
        return jnp.where(label_of(example) < 0, free, known)

    def split(z: Latent, example: Example) -> tuple[Array, Example]:
        return z[:size], example._replace(context=z[size:])

    def joined(z: Array, y: Float[Array, " classes"]) -> Array:
        return jnp.concatenate([z, y.astype(z.dtype)])

    def sample(key: Key, params: Params, example: Example) -> Draw:
        pick, draw_key = jax.random.split(key)
        log_q = log_q_of_y(params, example)
        y = jax.nn.one_hot(jax.random.categorical(pick, log_q), num)
        draw = model.sample(draw_key, params, example._replace(context=y))
        of_y = jnp.sum(jnp.where(y > 0, log_q, 0.0))
        rate = jnp.log(num) + jnp.sum(jnp.where(log_q > -jnp.inf, jnp.exp(log_q) * log_q, 0.0))
        parts = jnp.concatenate([draw.rate.reshape(-1), rate[None]])
        return Draw(joined(draw.z, y), (jnp.sum(draw.log_q) + of_y)[None], parts)

    def log_posterior(params: Params, z: Latent, example: Example) -> Parts:
        inner, at = split(z, example)
        of_y = jnp.sum(jnp.where(at.context > 0, log_q_of_y(params, example), 0.0))
        return (jnp.sum(model.log_posterior(params, inner, at)) + of_y)[None]

    def log_prior(params: Params, z: Latent, example: Example) -> Parts:
        return (jnp.sum(model.log_prior(params, *split(z, example))) - jnp.log(num))[None]

    def encode(params: Params, example: Example) -> Latent:
        q_of_y = jnp.exp(log_q_of_y(params, example))
        codes = jax.vmap(lambda y: model.encode(params, example._replace(context=y)))(jnp.eye(num))
        return joined(q_of_y @ codes, q_of_y)

    def sample_prior(key: Key, params: Params, example: Example) -> Latent:
        pick, rest = jax.random.split(key)
        drawn = jax.random.randint(pick, (), 0, num)
        y = jax.nn.one_hot(jnp.where(label_of(example) < 0, drawn, label_of(example)), num)
        return joined(model.sample_prior(rest, params, example._replace(context=y)), y)

    def decode(params: Params, z: Latent, example: Example) -> Event:
        return model.decode(params, *split(z, example))

    def log_likelihood(params: Params, z: Latent, example: Example) -> Parts:
        return model.log_likelihood(params, *split(z, example))

    def sample_likelihood(key: Key, params: Params, z: Latent, example: Example) -> Event:
        return model.sample_likelihood(key, params, *split(z, example))

    def upkeep(key: Key, params: Params, batch: Example) -> Scalar:
        labels = jax.vmap(label_of)(batch)
        return model.upkeep(key, params, batch._replace(context=jax.nn.one_hot(labels, num)))  # zeros where unknown

    return VAE(
        init,
        encode,
        sample,
        decode,
        log_posterior,
        log_prior,
        log_likelihood,
        sample_prior,
        sample_likelihood,
        lambda: labelled(model.compact(), classifier, num),
        model.data_shape,
        model.likelihood,
        lambda: joined(model.active(), jnp.ones(num)),
        upkeep,
    )
