"""Tables, answers and pictures that no training made, for tests of the page."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from vaejax.report import Codes, Portrait, Shown, Traversed


class Answer(NamedTuple):
    beta: Any = 1.0
    latent_size: Any = 16
    margin_nats: float = 0.5
    gap_nats: float = 0.84
    gap_se: float = 0.06
    decided: bool = True
    reason: str = "Doubling the latents to 32 gains 0.11 nats per image, which is less than the margin of 0.5 nats."
    candidates: tuple = (16,)
    warnings: tuple = ()
    member: Any = {"beta": 1.0, "latent_size": 16, "seed": 0}  # noqa: RUF012
    sizes: tuple = ()


AXES = {"beta": [0.25, 0.5, 1.0, 4.0], "latent_size": [2, 4, 8, 16, 32], "seed": [0, 1]}


def grid(axes: dict | None = None, epochs: int = 40, drift: float | None = None, diverged: tuple = ()) -> xr.Dataset:
    """Numbers like those of a binarized MNIST: distortion falls and rate rises with latents, and beta trades them."""
    axes = AXES if axes is None else axes
    rng = np.random.default_rng(0)
    shape = tuple(len(values) for values in axes.values())
    dims = tuple(axes)
    mesh = dict(zip(dims, np.meshgrid(*axes.values(), indexing="ij"), strict=True))
    beta = np.asarray(mesh.get("beta", np.ones(shape)), float)
    size = np.asarray(mesh.get("latent_size", np.full(shape, 16)), float)
    capacity = 26 * (1 - np.exp(-size / 7)) * beta**-0.35
    rate = capacity + rng.normal(0, 0.12, shape)
    distortion = (
        68 + 130 * np.exp(-rate / 9.5) + 3 * (beta - 1) ** 2 / (1 + beta) + 0.03 * size + rng.normal(0, 0.25, shape)
    )
    elbo = -(rate + distortion)
    speed = 3 + 0.5 * np.log1p(size)
    when = np.arange(1, epochs + 1)
    fall = 90 * np.exp(-when / speed[..., None]) * (30 / when) ** 0.3
    history = elbo[..., None] - 0.4 - fall + fall[..., -1:] + rng.normal(0, 0.03, (*shape, epochs))
    change = 0.08 * rng.uniform(-1, 1, shape) if drift is None else np.full(shape, drift)
    variables = {
        "distortion": distortion,
        "rate": rate,
        "elbo": elbo,
        "log_likelihood": elbo + 1.8 + 0.06 * rate,
        "log_likelihood_se": np.full(shape, 0.29),
        "elbo_train": elbo + 1.1,
        "elbo_validation": elbo - 0.4,
        "active_units": np.minimum(size, np.round(20 / np.sqrt(beta))),
        "num_params": 783_000 + 1_230 * size,
        "best_epoch": np.full(shape, epochs - 2.0),
        "drift": change,
    }
    status = np.full(shape, "ok", dtype=object)
    bad = np.zeros(shape, bool)
    bad.reshape(-1)[list(diverged)] = True
    status[bad] = "diverged"
    history[bad] = np.nan
    data: dict = {key: (dims, np.where(bad, np.nan, values)) for key, values in variables.items()}
    data |= {"status": (dims, status), "history_validation": ((*dims, "epoch"), history)}
    coords = {**axes, "epoch": when}
    attrs = {
        "name": "binarized MNIST", "preparation": "fixed binarization (Larochelle 2011)", "num_train": 50_000,
        "num_validation": 10_000, "num_test": 10_000, "epochs": epochs, "batch_size": 128, "num_samples": 500,
        "formula": "-(distortion + beta * rate)", "likelihood": "bernoulli",
    }  # fmt: skip
    return xr.Dataset(data, coords, attrs)


def events(shape: tuple, num: int, seed: int = 1) -> np.ndarray:
    """Rings with a position and a radius: enough of a picture to be looked at; waves, where events are vectors."""
    rng = np.random.default_rng(seed)

    def ring(x, y, radius):
        if len(shape) == 1:
            return 0.5 + 0.4 * np.sin(np.linspace(0, 18 * radius, *shape) + 6 * x) * y
        down, across = np.meshgrid(*(np.linspace(0, 1, n) for n in shape[:2]), indexing="ij")
        value = np.exp(-(((np.hypot(across - x, down - y) - radius) / 0.07) ** 2))
        return value[..., None] * np.array([1.0, 0.7, 0.4])[: shape[2]] if len(shape) == 3 else value

    return np.stack([ring(*rng.uniform(0.35, 0.65, 2), rng.uniform(0.1, 0.33)) for _ in range(num)])


def portrait(shape: tuple = (28, 28), num: int = 12, latents: int = 3, seed: int = 1) -> Portrait:
    rows = tuple(
        Traversed(k, 2.5 - k, np.linspace(-2.5, 2.5, 9), events(shape, 9, seed + 10 + k)) for k in range(latents)
    )
    points = np.random.default_rng(seed).normal(size=(50, 2))
    return Portrait(
        reconstructions=0.9 * events(shape, num) + 0.04,
        samples=events(shape, 32, seed + 1),
        traversals=rows,
        interpolation=events(shape, 9, seed + 2),
        rates=np.linspace(2.5, 0.1, latents),
        codes=Codes(points, "latents 1 and 2"),
        start=np.linspace(-1, 1, latents),
    )


def shown(data: xr.Dataset | None = None, answer: Any = None, shape: tuple = (28, 28), **more: Any) -> Shown:
    """A run with pictures of three of its members: 27, the chosen one, 1 and 2."""
    data = grid(diverged=(7,)) if data is None else data
    portraits = {place: portrait(shape, seed=place + 1) for place in (26, 0, 1)}
    labels = np.arange(50) % 10
    made = {"portraits": portraits, "examples": events(shape, 12), "labels": labels, **more}
    return Shown(data, Answer() if answer is None else answer, **made)


NOBODY = Answer(None, None, 0.5, float("nan"), float("nan"), False, "Every member diverged.", (), (), {})
POINTS = {
    "beta": ("point", [0.5, 1.0, 1.0]),
    "latent_size": ("point", [16, 16, 32]),
    "seed": ("point", [0, 0, 0]),
}


def points() -> xr.Dataset:
    """A list of members, which is no product of axes."""
    return grid({"point": [0, 1, 2]}).drop_vars("point").assign_coords(POINTS)
