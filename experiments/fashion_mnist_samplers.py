"""Samples of grey Fashion-MNIST from the prior, from fitted samplers, rejected and repaired: which look like the data?

    python experiments/fashion_mnist_samplers.py

Dense nets of 256 and 256, 16 latents, the learned normal likelihood, three seeds as one ensemble. Everything is fitted
to draws of q(z|x) of training images. Sets of means of p(x|z) are held beside as many test images: Frechet distance in
32 principal components and in 32 features of a classifier (its accuracy is printed), precision and recall (k = 3) in
the components; the density that each gives codes of validation images, nats; mean and (standard deviation) over seeds.
One epoch, sets of 1,000; 5 minutes of processor time, 10 minutes on two cores that eight others shared:

                                  Frechet, PCA   classifier     precision      recall         log q of held codes
training images (the floor)        0.52           1.77          0.895          0.885
reconstructions                    3.81 (0.07)    7.87 (0.22)   0.992 (0.002)  0.144 (0.009)
prior                             31.88 (9.47)   72.22 (27.37)  0.269 (0.074)  0.549 (0.126)  -18.55 (0.25)
prior at 0.8                      36.60 (9.52)   73.46 (19.43)  0.345 (0.062)  0.417 (0.102)
prior at 0.6                      41.32 (8.65)   78.73 (18.04)  0.426 (0.078)  0.300 (0.079)
empirical                          3.69 (0.10)    7.66 (0.38)   0.976 (0.007)  0.172 (0.013)
gaussian mixture 10                3.65 (0.06)    8.38 (1.30)   0.943 (0.009)  0.220 (0.028)   -3.51 (0.32)
kernel density                     3.52 (0.22)    7.11 (0.51)   0.762 (0.026)  0.445 (0.046)   -5.90 (0.30)
flow                               4.31 (0.13)   16.20 (0.62)   0.900 (0.009)  0.272 (0.017)   -5.56 (0.54)
two-stage                          7.56 (0.52)   47.97 (1.57)   0.856 (0.019)  0.294 (0.008)
gaussian mixture 10 at 0.8         5.98 (0.30)   21.25 (3.10)   0.969 (0.003)  0.212 (0.018)
accuracy of the classifier: 0.865 (0.005)

What repairs a sample is a density of the codes: any takes the Frechet distance of the prior down to that of the
reconstructions, which is as far as a sampler can get. A temperature below 1 makes the prior worse: codes are not near
its mean. The mixture has the best density of held-out codes, and the two-stage VAE, at 2,000 steps, the worst samples
of those fitted. The recall of the prior is that of wide balls round broken images.

Rejected and repaired draws were measured with the flow as the density of the hole score, 32 tries and 20 steps (here it
is the mixture, 64 and 40): of the prior 0.1% passed a threshold that 5% of held-out codes exceed, so that rejection
leaves the best of 32 draws, 22.66 (3.51) in components; towards the nearest code 99.5% were repaired, 20.68 (1.23),
precision 0.952 (0.015); by encoding and decoding 99.1%, 26.22 (3.75), 0.865 (0.019); uphill 26%, 28.54 (5.55).
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import vaejax as vj
from vaejax import latent, metrics, samplers
from vaejax.grid import Member
from vaejax.samplers import Sampler
from vaejax.types import Example, Key, Trainer

LATENTS, WIDTH, BATCH = 16, 256, 128
FALSE_ALARMS = 0.05  # of codes of validation images, which set the thresholds
TRIES, STEPS = 64, 40  # of a draw that is rejected, and of one that is repaired
MIXTURE, KERNELS = "gaussian mixture 10", "kernel density"  # the first says what a hole is
FITTED = {
    "empirical": samplers.empirical(),
    MIXTURE: samplers.gaussian_mixture(10),
    KERNELS: samplers.kernel_density(),
    "flow": samplers.flow(),
    "two-stage": samplers.two_stage(),
}


Ways = dict[str, tuple[Sampler, Any]]  # to sample: and what was fitted, [seed, ...]


class Sets(NamedTuple):
    """Images: to compare with, to compare, and the features in which both are compared."""

    test: jax.Array
    train: jax.Array
    pca: metrics.Features
    classifier: metrics.Classifier


class Scores(NamedTuple):
    """Of one set of images beside the test images; arrays over seeds."""

    frechet_pca: Any
    frechet_classifier: Any
    precision: Any
    recall: Any


def trained(epochs: int, seeds: int) -> Member:
    """The seeds of one model, as an ensemble."""
    data = vj.data.grey(vj.data.fashion_mnist())
    net, steps = vj.nets.mlp(WIDTH, WIDTH), epochs * -(-len(data.train) // BATCH)

    def member() -> Trainer:
        likelihood = vj.likelihoods.learned_normal()
        model = vj.vae(net, net, data_shape=(28, 28), latent_size=LATENTS, likelihood=likelihood)
        return vj.trainer(model, vj.objectives.elbo(), optax.adam(optax.cosine_decay_schedule(2e-3, steps)))

    result = vj.sweep(member, data, seed=range(seeds), epochs=epochs, batch_size=BATCH, num_samples=1)
    print(result.dataset[["elbo", "rate", "distortion", "active_units"]].mean().to_array().to_series().to_string())
    return vj.ensemble(result)


def sets_of(num: int) -> Sets:
    """Test images, as many of training, and features of other training images; labels train the classifier."""
    data = vj.data.grey(vj.data.fashion_mnist())
    train = vj.examples_in(data, "train", num=min(num + 10_000, 50_000)).x
    validation, labels = vj.examples_in(data, "validation", num=5000).x, data.labels
    learned, held_out = (
        (jnp.asarray(x), jnp.asarray(labels[split][at], int))
        for split, x, at in (
            ("train", train[num:], slice(num, len(train))),
            ("validation", validation, slice(0, len(validation))),
        )
    )
    classifier = jax.jit(
        lambda: metrics.classifier_features(jax.random.key(7), optax.adam(2e-3), learned, held_out, num_steps=2000)
    )()
    pca = metrics.pca_features(learned[0][:5000], 32)
    return Sets(vj.examples_in(data, "test", num=num).x, train[:num], pca, classifier)


def codes_by_seed(key: Key, member: Member, examples: Example) -> jax.Array:
    """[seed, num, size]: a draw of q(z|x) of each example under each seed, streamed."""
    model, params = member

    def of_one(key: Key, params: Any, example: Example) -> jax.Array:
        return jax.vmap(lambda one: latent.code_of(model, model.sample(key, one, example).z))(params)

    found = vj.each_example(of_one, key, params, examples)
    return jnp.asarray(np.moveaxis(found, 1, 0))


def many(draw: Callable[[Key], Any], key: Key, num: int) -> Any:
    """So many draws, some at a time."""
    return jax.lax.map(draw, jax.random.split(key, num), batch_size=500)


def drawn(key: Key, member: Member, train: jax.Array, held: jax.Array, num: int) -> tuple[dict, dict, dict]:
    """Codes [seed, num, size] of every way to sample, the density of held codes under each, and what was rejected.

    train, held: codes [seed, num, size] of training examples, and of others.
    """
    model, params = member
    prior, seeds = latent.prior_of(model), len(train)
    keys = jax.random.split(key, seeds)
    ways: Ways = {"prior": (prior, params)}
    ways |= {f"prior at {t}": (samplers.tempered(prior, t), params) for t in (0.8, 0.6)}
    for name, sampler in FITTED.items():
        ways[name] = (sampler, jax.jit(jax.vmap(sampler.fit))(keys, train))
    mixture, of_mixture = ways[MIXTURE]
    ways[f"{MIXTURE} at 0.8"] = (samplers.tempered(mixture, 0.8), of_mixture)

    codes, density = {}, {}
    for name, (sampler, fitted) in ways.items():
        codes[name] = jax.jit(jax.vmap(lambda key, one, s=sampler: many(lambda k: s.sample(k, one), key, num)))(
            keys, fitted
        )
        if sampler.log_prob is not None:
            density[name] = jax.jit(jax.vmap(partial(log_densities, sampler.log_prob)))(fitted, held).mean(1)
    changed, told = changed_codes(keys, member, ways, train, held, codes["prior"])
    return codes | changed, density, told


def log_densities(log_prob: Callable, fitted: Any, codes: jax.Array) -> jax.Array:
    """Of each code, some at a time."""
    return jax.lax.map(partial(log_prob, fitted), codes, batch_size=500)


def changed_codes(
    keys: Any, member: Member, ways: Ways, train: jax.Array, held: jax.Array, prior_codes: jax.Array
) -> tuple[dict, dict]:
    """Draws rejected and repaired where the score of a hole is above the threshold, for each seed."""
    model, num = member.model, prior_codes.shape[1]
    (prior, _), (kernels, of_kernels), (sampler, fits) = (ways[name] for name in ("prior", KERNELS, MIXTURE))

    def of_seed(key: Key, params: Any, fits: Any, train: jax.Array, threshold: jax.Array, codes: jax.Array) -> Any:
        fitted, wide = fits
        score = latent.hole_score(model, params, sampler, fitted)
        draws = {
            "prior, rejected": lambda key: prior.sample(key, params),
            "kernel density, rejected": lambda key: kernels.sample(key, wide),
        }
        moves = {
            "prior, repaired uphill": latent.uphill(sampler, fitted),
            "prior, repaired to nearest": latent.to_nearest(train[:5000]),
            "prior, encode-decode": latent.encode_decode(model, params),
        }
        found = {
            name: many(lambda k, draw=draw: latent.rejected(k, draw, score, threshold, num_tries=TRIES), key, num)
            for name, draw in draws.items()
        }
        for name, move in moves.items():

            def mend(pair: tuple[Key, jax.Array], move: latent.Move = move) -> latent.Repaired:
                return latent.repaired(pair[0], pair[1], move, score, threshold, num_steps=STEPS)

            found[name] = jax.lax.map(mend, (jax.random.split(key, num), codes), batch_size=500)
        return found

    def scores(params: Any, fitted: Any, held: jax.Array) -> jax.Array:
        return jax.lax.map(latent.hole_score(model, params, sampler, fitted), held, batch_size=500)

    alarms = jax.jit(jax.vmap(scores))(member.params, fits, held)
    thresholds = jnp.asarray([latent.threshold_of(one, FALSE_ALARMS) for one in alarms])
    found = jax.jit(jax.vmap(of_seed))(keys, member.params, (fits, of_kernels), train, thresholds, prior_codes)
    told = {name: {"passed": one.passed.mean(1)} for name, one in found.items()}
    for name, one in found.items():
        more = {"tries": one.tries.mean(1)} if isinstance(one, latent.Rejected) else {"moved": one.moved.mean(1)}
        told[name] |= more
    return {name: one.code for name, one in found.items()}, told


def scored(sets: Sets, images: jax.Array) -> Scores:
    """Of images [num, 28, 28]."""
    pca = sets.pca(sets.test), sets.pca(images)
    learned = sets.classifier.features(sets.test), sets.classifier.features(images)
    return Scores(metrics.frechet_distance(*pca), metrics.frechet_distance(*learned), *metrics.precision_recall(*pca))


def decoded(member: Member, codes: jax.Array) -> jax.Array:
    """Means of p(x|z), [seed, num, 28, 28]."""
    of_one = lambda params, code: vj.decode(member.model, params, latent.latent_of(member.model, code))  # noqa: E731
    return jax.jit(jax.vmap(lambda params, codes: jax.lax.map(partial(of_one, params), codes, batch_size=500)))(
        member.params, codes
    )


def main(epochs: int = 1, seeds: int = 3, num: int = 1000) -> tuple[dict[str, Scores], dict, dict, dict]:
    """Every set of images and its scores."""
    data = vj.data.grey(vj.data.fashion_mnist())
    member, sets = trained(epochs, seeds), sets_of(num)
    train = codes_by_seed(jax.random.key(1), member, vj.examples_in(data, "train", num=4 * num))
    held = codes_by_seed(jax.random.key(2), member, vj.examples_in(data, "validation", num=num))
    codes, density, told = drawn(jax.random.key(3), member, train[:, num:], held, num)
    means = jax.vmap(lambda params: jax.lax.map(partial(vj.encode, member.model, params), sets.train, batch_size=500))
    codes = {"reconstructions of training images": means(member.params)} | codes
    score = partial(jax.jit(scored), sets)
    found = {"training images (the floor)": Scores(*(np.asarray(value)[None] for value in score(sets.train)))}
    pictures = {"training images (the floor)": np.asarray(sets.train[:12])}
    for name, one in codes.items():
        images = decoded(member, one)
        found[name] = Scores(*map(np.stack, zip(*(score(each) for each in images), strict=True)))
        pictures[name] = np.asarray(images[0, :12])
    accuracy = sets.classifier.accuracy
    print(f"accuracy of the classifier of the features: {accuracy:.3f} ({sets.classifier.standard_error:.3f})")
    return found, density, told, pictures


def show(found: dict[str, Scores], density: dict, told: dict) -> None:
    """Mean and standard deviation over seeds."""
    print(f"{'':34}  Frechet, PCA   Frechet, classifier  precision      recall         log q of held codes")
    for name, scores in found.items():
        cells = [spread(values, digits) for values, digits in zip(scores, (2, 2, 3, 3), strict=True)]
        print(f"{name:34}  " + "  ".join(f"{cell:13}" for cell in cells), end="  ")
        print(spread(density[name], 2) if name in density else "")
    for name, more in told.items():
        print(f"{name}: " + ", ".join(f"{what} {spread(values, 3)}" for what, values in more.items()))


def spread(values: Any, digits: int) -> str:
    """Mean (standard deviation)."""
    values = np.asarray(values)
    error = f" ({values.std(ddof=1):.{digits}f})" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{error}"


def draw(pictures: dict[str, np.ndarray], path: Path) -> None:
    """Rows of images of each way to sample."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(pictures), 1, figsize=(9, 0.8 * len(pictures)))
    for axis, (name, images) in zip(axes, pictures.items(), strict=True):
        axis.imshow(np.concatenate(list(images), axis=1), cmap="gray", vmin=0, vmax=1)
        axis.set_axis_off()
        axis.text(-8, 14, name, ha="right", va="center", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, bbox_inches="tight")
    print(f"pictures: {path}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=1)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--num", type=int, default=1000, help="images in a set")
    asked = arguments.parse_args()
    table, densities, kept, shown = main(asked.epochs, asked.seeds, asked.num)
    show(table, densities, kept)
    draw(shown, Path("runs/fashion_mnist_samplers/samples.png"))
