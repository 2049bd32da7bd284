"""Prior, groups of latents and estimator on binarised Fashion-MNIST: what each is worth at equal epochs and seeds.

    python experiments/fashion_mnist_parts.py --out runs/parts

Dense nets of 200 and 200, 20 latents (two groups of 10 in the two-level VAE), Adam, 15 epochs, two seeds, pixels
drawn anew each time. TIME on two cores. Stopped, it goes on from where it was when it is started again.

NUMBERS
"""

import argparse
from pathlib import Path
from typing import Any

import optax

import vaejax as vj

EPOCHS, BATCH, WIDTH, LATENTS, SEEDS = 15, 200, 200, 20, 2
STEPS = EPOCHS * 50_000 // BATCH


def models() -> dict[str, Any]:
    """What is compared: a model and what it maximises."""
    net = vj.nets.mlp(WIDTH, WIDTH)
    shape: dict[str, Any] = {"data_shape": (28, 28), "likelihood": vj.likelihoods.bernoulli()}
    flat = vj.vae(net, net, latent_size=LATENTS, **shape)
    groups = vj.ladder(net, net, net, latent_sizes=(LATENTS // 2, LATENTS // 2), **shape)
    return {
        "gaussian prior": (flat, vj.objectives.elbo()),
        "vampprior 100": (vj.variants.vamp(flat, 100), vj.objectives.elbo()),
        "two-level": (groups, vj.objectives.elbo()),
        "iwae 5": (flat, vj.objectives.iwae(5)),
        "dreg 5": (flat, vj.objectives.dreg(5)),
    }


def member(parts: tuple[vj.VAE, Any]) -> Any:
    """One of them, with Adam at a rate that falls to zero."""
    return vj.trainer(*parts, optax.adam(optax.cosine_decay_schedule(1e-3, STEPS)))


def main() -> None:
    """Train all of them, and print their test likelihoods in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/parts"), help="a folder for checkpoints and the table")
    out = parser.parse_args().out
    data = vj.data.binarise_held_out(vj.data.fashion_mnist(), 777)
    out.mkdir(parents=True, exist_ok=True)

    def told(dataset: Any) -> None:
        done = dataset.history_validation.notnull().sum("epoch").values
        print("epochs looked at, by member:", done.ravel().tolist(), flush=True)

    result = vj.sweep(
        member,
        data,
        parts=models(),
        seed=range(SEEDS),
        epochs=EPOCHS,
        batch_size=BATCH,
        num_samples=100,
        keep=out / "checkpoints",
        on_segment=told,
    )
    table = result.dataset
    table.to_netcdf(out / "results.nc", engine="scipy")
    nll = -table.log_likelihood.mean("seed")
    spread = table.log_likelihood.std("seed", ddof=1)
    print(f"{'':16}  test NLL  sd of {SEEDS} seeds   -ELBO    rate  distortion")
    for name in nll.parts.values[nll.argsort().values]:
        at = table.sel(parts=name).mean("seed")
        print(
            f"{name:16}  {float(nll.sel(parts=name)):8.2f}  {float(spread.sel(parts=name)):13.2f}"
            f"  {-float(at.elbo):6.2f}  {float(at.rate):6.2f}  {float(at.distortion):10.2f}"
        )
    print(f"standard error over the test images: {float(table.log_likelihood_se.mean()):.2f}")


if __name__ == "__main__":
    main()
