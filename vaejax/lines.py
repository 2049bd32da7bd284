"""Commands as one would type them."""

import shlex
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from vaejax.config import ASKED, DEFAULTS, Config, axes_of, widest_of

OF_THE_GRID = ("plan", "mesh", "margin", "margin_nats", "seeds")  # how it was run and answered, not what a member is


def command(verb: str, config: Config, changed: Mapping[str, Any], out: str) -> str:
    """A command that asks for a configuration with some of it changed; what is as usual is left out.

    Every word is quoted where a shell would read it otherwise.

    >>> command("sweep", Config(data="my rows.npy"), {"beta": (1.0, 0.5)}, "runs/x")
    "vaejax sweep --data 'my rows.npy' --beta 1 0.5 --out runs/x"
    """
    asked = {field.name: getattr(config, field.name) for field in fields(Config)}
    usual = {field.name: field.default for field in fields(Config)}
    named = {name: value for name, value in {**asked, **changed}.items() if name in changed or value != usual[name]}
    return shlex.join(["vaejax", verb, *_flags(named), "--out", out])


def command_of_member(config: Config, place: Mapping[str, Any], out: str) -> str:
    """The command that trains one member of a grid again, alone.

    The arrays have as many latents as in the grid, so that they start from the same numbers whatever the posterior.

    >>> asked = Config(beta=(1.0, 4.0), latent_size=(2, 8), seeds=2)
    >>> command_of_member(asked, {"beta": 4.0, "latent_size": 2, "learning_rate": 0.012, "seed": 1}, "again")
    'vaejax train --data digits --beta 4 --latent-size 2 --widest 8 --first-seed 1 --epochs 250 --out again'
    """
    usual = {field.name: field.default for field in fields(Config)}
    alone = replace(config, learning_rate=None, **{name: usual[name] for name in OF_THE_GRID})
    changed = {"data": config.data, "beta": place["beta"], "latent_size": place["latent_size"]}
    if widest_of(config) != place["latent_size"]:
        changed["widest"] = widest_of(config)
    changed |= {name: place[name] for name in ASKED if name in place}
    if (place["learning_rate"],) != DEFAULTS[config.net].learning_rate:
        changed["learning_rate"] = place["learning_rate"]
    return command("train", alone, {**changed, "first_seed": place["seed"], "epochs": config.epochs}, out)


def command_of_transfer(source: str, place: Mapping[str, Any], target: Mapping[str, Any], out: str) -> str:
    """The command that takes the member at a place of a run to other data again, without asking whether it is worth it.

    target: what was asked of it; `None` is as usual.

    >>> command_of_transfer("runs/a", {"beta": 1.0, "latent_size": 8}, {"data": "b.npy", "likelihood": None}, "again")
    'vaejax transfer runs/a --beta 1 --latent-size 8 --data b.npy --no-compare --out again'
    """
    named = {"beta": place["beta"], "latent_size": place["latent_size"]}
    named |= {name: value for name, value in target.items() if value is not None}
    return shlex.join(["vaejax", "transfer", source, *_flags(named), "--no-compare", "--out", out])


def places_of(config: Config) -> list[dict[str, Any]]:
    """Every member of a grid by its values, in the order of the table."""
    places: list[dict[str, Any]] = [{}]
    for name, values in axes_of(config).items():
        places = [{**place, name: value} for place in places for value in values]
    return places


def _flags(named: Mapping[str, Any]) -> list[str]:
    return [word for name, value in named.items() for word in (f"--{name.replace('_', '-')}", *_words(value))]


def _words(value: Any) -> list[str]:
    return [_word(one) for one in (value if isinstance(value, tuple) else (value,))]


def _word(value: Any) -> str:
    """A number so that it is read as the same again."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
