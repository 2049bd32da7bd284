"""Three failures made on purpose on scikit-learn's digits: the doctor names each, and of one that is well says nothing.

    python experiments/doctor.py

takes 90 seconds on two cores. Eight latents at beta 1 are as they should be, and nothing is found. At beta 50 the rate
is 0.000 nats with no active unit: posterior collapse. 60 training examples are memorised, -72.29 nats on training and
-180.16 on test. Of a warm-up ten times as long as the run, beta was 0.1 at the end and was to be 1.
"""

import warnings
from typing import NamedTuple

import optax

import vaejax as vj
from vaejax.answer import Diagnosis
from vaejax.errors import VaejaxWarning


class Found(NamedTuple):
    """What the doctor said of each run, by how it was made."""

    diagnoses: dict[str, Diagnosis]


def member(data, epochs, width=32, warm_up=None):
    """A function of beta and latent size; beta comes in over `warm_up` times the run."""
    num_steps = epochs * -(-len(data.train) // 128)

    def of(beta, latent_size):
        nets = vj.nets.mlp(width, width), vj.nets.mlp(width, width)
        facts = {"data_shape": data.data_shape, "likelihood": data.likelihood}
        model = vj.vae(*nets, **facts, latent_size=latent_size, max_latent_size=16)
        optimizer = optax.adam(optax.polynomial_schedule(1.2e-2, 0.0, 4, num_steps))
        if warm_up is None:
            return vj.trainer(model, vj.objectives.elbo(beta), optimizer)
        rising = vj.schedules.linear(0.0, beta, warm_up * num_steps)
        return vj.scheduled(lambda step: vj.trainer(model, vj.objectives.elbo(rising(step)), optimizer))

    return of


def main(epochs: int = 250) -> Found:
    """Train each, and ask."""
    data = vj.data.digits()
    few = data._replace(train=data.train[:60])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VaejaxWarning)  # of the warm-up: it is what is to be found
        tables = {
            "as it should be": vj.sweep(member(data, epochs), data, beta=[1.0], latent_size=[8], epochs=epochs),
            "beta 50": vj.sweep(member(data, epochs), data, beta=[50.0], latent_size=[16], epochs=epochs),
            "60 training examples, 512 units wide": vj.sweep(
                member(few, 2 * epochs, 512), few, beta=[1.0], latent_size=[8], epochs=2 * epochs
            ),
            "a warm-up ten times as long as the run": vj.sweep(
                member(data, epochs, warm_up=10), data, beta=[1.0], latent_size=[8], epochs=epochs
            ),
        }
    return Found({title: vj.doctor(result.dataset) for title, result in tables.items()})


if __name__ == "__main__":
    for title, diagnosis in main().diagnoses.items():
        print(f"\n{title}")
        for finding in diagnosis.findings:
            print(f"  {finding.name}: {finding.evidence}")
            for remedy in finding.remedies:
                print(f"    {remedy.text}. {dict(remedy.grid) or remedy.python}")
        if not diagnosis.findings:
            print("  nothing")
