"""Which members share a program: those that differ by numbers alone."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.errors import VaejaxError
from vaejax.grid._axes import Grid, members_of
from vaejax.types import Example, Params, Trainer

MemberFunction = Callable[..., Trainer]
CONCRETIZATION = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.TracerBoolConversionError,
)


class Program(NamedTuple):
    """Members of one static architecture.

    build: numbers -> Trainer, traceable. rows: where its members stand in the grid.
    trainers: of each of its members, all numbers known.
    numbers: [member] for each hyper-parameter that is traced. static: the values that this program is compiled for.
    batch: what a batch looks like, of zeros.
    """

    build: Callable[[Mapping[str, Any]], Trainer]
    rows: tuple[int, ...]
    numbers: Mapping[str, np.ndarray]
    static: Mapping[str, Any]
    seeds: np.ndarray
    trainers: tuple[Trainer, ...]
    batch: Example


def programs_of(member: MemberFunction, grid: Grid, batch: Example) -> tuple[Program, ...]:
    """The programs of a grid. What a member cannot take as a traced number becomes static: one program for each value.

    Raises: VaejaxError naming the member that cannot be built.
    """
    members = members_of(grid)
    trainers = [_build_checked(member, row) for row in members]
    numeric = [name for axis in grid for name, column in axis.columns.items() if column.numeric and name != "seed"]
    traced = _traceable(member, members[0], numeric, batch)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, row in enumerate(members):
        groups.setdefault(tuple(label for name, (_, label) in row.items() if name not in (*traced, "seed")), []).append(
            index
        )
    return tuple(
        _program(member, [members[i] for i in rows], tuple(rows), traced, tuple(trainers[i] for i in rows), batch)
        for rows in groups.values()
    )


def _program(
    member: MemberFunction,
    rows: list[dict],
    indices: tuple[int, ...],
    traced: list[str],
    trainers: tuple[Trainer, ...],
    batch: Example,
) -> Program:
    static = {name: value for name, (value, _) in rows[0].items() if name not in (*traced, "seed")}
    return Program(
        build=lambda numbers: member(**static, **numbers),
        rows=indices,
        numbers={name: np.array([row[name][0] for row in rows]) for name in traced},
        static=static,
        seeds=np.array([row["seed"][0] for row in rows], np.uint32),
        trainers=trainers,
        batch=batch,
    )


def part_of(program: Program, at: Sequence[int] | np.ndarray) -> Program:
    """A program with these of its members alone, maybe none."""
    return program._replace(
        rows=tuple(program.rows[i] for i in at),
        numbers={name: values[list(at)] for name, values in program.numbers.items()},
        seeds=program.seeds[list(at)],
        trainers=tuple(program.trainers[i] for i in at),
    )


def params_like(program: Program) -> Params:
    """Shapes of the parameters of the members of a program, stacked."""

    def one(numbers: Any, seed: Any) -> Params:
        trainer = program.build(numbers)
        return trainer.params(trainer.init(jax.random.key(seed), program.batch))

    numbers = {name: jnp.asarray(values) for name, values in program.numbers.items()}
    return jax.eval_shape(jax.vmap(one), numbers, jnp.asarray(program.seeds))


def some_of(program: Program, params: Params, at: Sequence[int]) -> tuple[Program, Params]:
    """The members of a program that stand `at` these places of it, and their parameters."""
    where = np.asarray(at, int)
    kept = program._replace(
        rows=tuple(program.rows[i] for i in at),
        numbers={name: values[where] for name, values in program.numbers.items()},
        seeds=program.seeds[where],
        trainers=tuple(program.trainers[i] for i in at),
    )
    return kept, jax.tree.map(lambda leaf: leaf[where], params)


def without_addresses(text: str) -> str:
    """A program as text, without the addresses of functions, which are others in every process.

    >>> without_addresses("custom_jvp[jvp=<function f at 0x7f01>]")
    'custom_jvp[jvp=<function f at >]'
    """
    return re.sub(r"0x[0-9a-f]+", "", text)


def _build_checked(member: MemberFunction, row: Mapping[str, tuple[Any, Any]]) -> Trainer:
    values = {name: value for name, (value, _) in row.items() if name != "seed"}
    shown = ", ".join(f"{name}={label}" for name, (_, label) in row.items() if name != "seed")
    try:
        built = member(**values)
    except VaejaxError as error:
        raise type(error)(f"at {shown}: {error}") from None
    except TypeError as error:
        if "argument" in str(error) and getattr(member, "__name__", "") in str(error):
            raise VaejaxError(f"the member function does not fit the axes ({', '.join(values)}): {error}") from error
        raise
    if not isinstance(built, Trainer):
        raise VaejaxError(f"a member must be a function of its axes that returns vj.trainer(...), got {built!r}")
    return built


def _traceable(member: MemberFunction, row: Mapping, names: list[str], batch: Example) -> list[str]:
    """The names that can all be traced together."""
    if _traces(member, row, names, batch):
        return names
    return [name for name in names if _traces(member, row, [name], batch)]


def _traces(member: MemberFunction, row: Mapping, names: list[str], batch: Example) -> bool:
    static = {name: value for name, (value, _) in row.items() if name not in (*names, "seed")}

    def one_step(numbers: Mapping[str, Any]) -> Any:
        trainer = member(**static, **numbers)
        state = trainer.init(jax.random.key(0), batch)
        return trainer.step(jax.random.key(0), state, batch)

    try:
        jax.eval_shape(one_step, {name: jnp.asarray(row[name][0]) for name in names})
    except CONCRETIZATION:
        if not names:
            raise
        return False
    return True
