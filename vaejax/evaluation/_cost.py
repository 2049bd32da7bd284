from typing import Any

import jax
import numpy as np

from vaejax.grid import MEASURING_SEED
from vaejax.types import VAE, Example, Key, Objective, Params

from ._types import Measure, Members, Values


def cost() -> Measure:
    """What a training step of each member costs at its true size, as the compiler counts it; `num_params` is beside it.

    Seconds are no column: members of a program are trained at once and none has a time of its own. A run's are in its
    timing.json.

    >>> list(cost().columns)
    ['flops', 'memory']
    """
    columns = {
        "flops": "floating-point operations of the gradient of the objective, compact model, for each example of a "
        "batch, before optimisation by the compiler; the optimizer is left out, and the body of a loop counts once",
        "memory": "bytes of arguments and of temporaries of that gradient, of a whole batch, as compiled here",
    }
    return Measure("cost", columns, _of)


def _of(members: Members) -> Values:
    """Members of a program with the same latents in use have one cost: it is found once for each."""
    program = members.program
    known: dict[bytes, tuple[float, float]] = {}
    found = []
    for trainer in program.trainers:
        used = np.asarray(trainer.model.active()).tobytes()
        if used not in known:
            known[used] = _cost(trainer.objective, trainer.model.compact(), program.batch)
        found.append(known[used])
    flops, memory = np.array(found).T
    return {"flops": flops, "memory": memory}


def _cost(objective: Objective, model: VAE, batch: Example) -> tuple[float, float]:
    """NaN where the backend does not tell."""
    key = jax.random.key(MEASURING_SEED)

    def gradient(key: Key, params: Params, batch: Example) -> Params:
        keyed = batch._replace(key=jax.random.split(key, len(batch.x)))  # networks are in training
        return jax.grad(lambda params: objective.evaluate(key, model, params, keyed).value)(params)

    quickly: Any = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else None  # the same buffers
    params = jax.eval_shape(lambda: objective.init(key, model, batch))
    lowered = jax.jit(gradient).lower(key, params, batch)
    counted: Any = lowered.cost_analysis() or {}
    memory: Any = lowered.compile(quickly).memory_analysis()
    taken = float("nan") if memory is None else float(memory.argument_size_in_bytes + memory.temp_size_in_bytes)
    return counted.get("flops", float("nan")) / len(batch.x), taken
