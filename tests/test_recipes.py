"""Every recipe: in the table, in a mapped grid, and better after training than before."""

import inspect
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import vaejax as vj
from vaejax.grid._axes import grid_of
from vaejax.grid._program import programs_of

TABLE = (Path(vj.recipes.__file__).parent / "README.md").read_text()
RECIPES = {name: made for name, made in vars(vj.recipes).items() if inspect.isfunction(made)}
NET = vj.nets.mlp(8)
ASKED = {  # what a recipe has beside encoder and decoder, small
    "vamp": {"num_components": 5},
    "iwae": {"num_samples": 4},
    "dreg": {"num_samples": 4},
    "miwae": {"num_importance": 2, "num_outer": 2},
    "piwae": {"num_importance": 2, "num_outer": 2},
    "m2": {"num_classes": 3},
    "vq_vae": {"num_codes": 6, "code_size": 3},
    "factor_vae": {"discriminator": NET},
    "aae": {"discriminator": NET},
    "hvae2": {"width": 8},
}
SIZED = {"ladder": 3, "hvae2": 2}  # recipes with groups, and how many
X = np.random.default_rng(0).random((60, 4)).astype(np.float32)
CONTEXT = {"m2": np.where(np.arange(60) % 2, np.arange(60) % 3, -1).astype(np.int32), "cvae": X[:, :2]}


def member_of(name, **options):
    """`latent_size -> Trainer`, of which the size may be traced."""
    recipe, widest = RECIPES[name], 3
    nets = [NET] * sum(one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
                       for one in inspect.signature(recipe).parameters.values())  # fmt: skip
    fixed = {"data_shape": (4,), "max_latent_size": widest, "likelihood": vj.likelihoods.normal(1.0)}

    def member(latent_size):
        sizes = {"latent_sizes": (latent_size,) * SIZED[name]} if name in SIZED else {"latent_size": latent_size}
        return recipe(*nets, **ASKED.get(name, {}), **fixed, **sizes, **options)

    return member


def data_of(name):
    return vj.data.arrays(X, likelihood=vj.likelihoods.normal(1.0), context=CONTEXT.get(name))


@pytest.mark.parametrize("name", RECIPES)
def test_its_latent_size_is_an_axis_of_one_program(name):
    """Init and a step of it are traced with the size a tracer, over the data that it is for."""
    context = CONTEXT.get(name)
    batch = vj.Example(jnp.asarray(X[:8]), None if context is None else jnp.asarray(context[:8]))
    programs = programs_of(member_of(name), grid_of((), latent_size=[2, 3], seed=[0]), batch)
    assert len(programs) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_in_a_mapped_grid(name):
    result = vj.sweep(member_of(name), data_of(name), latent_size=[2, 3], epochs=60, num_samples=4, batch_size=16)
    assert set(result.dataset.status.values.ravel()) == {"ok"}
    value, distortion = (result.dataset[f"history_{name}"].values.reshape(2, -1) for name in ("value", "distortion"))
    assert np.all((value[:, -1] > value[:, 0]) | (distortion[:, -1] < distortion[:, 0]))  # two players move one value
    model, params = vj.extract(result, latent_size=2)
    beside = data_of(name).raw("test").context
    context = None if beside is None else jnp.asarray(beside[0])
    assert vj.generate(jax.random.key(0), model, params, context).shape == (4,)


def test_the_table_has_a_row_for_every_recipe_and_names_what_is_there():
    rows = re.findall(r"^\| `(\w+)` \|", TABLE, re.MULTILINE)
    assert sorted(rows) == sorted(RECIPES)
    parts = set(re.findall(r"`(\w+\.\w+)`", TABLE))
    assert len(parts) > 25
    for part in parts:
        room, name = part.split(".")
        assert hasattr(vj if room == "vj" else getattr(vj, room), name), part
