"""What goes wrong in one of two processes, and what their clocks tell, is the same in both."""

import json
import os
from pathlib import Path

import jax
import numpy as np
import pytest
from test_mesh import agree, noted, train, two

import vaejax as vj
from vaejax.errors import DataError, VaejaxError
from vaejax.grid import _choice, _keep, _train, _training, joined

FULL = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")
BETAS = [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0]


def once(function, failures, error, after=0):
    """A function that fails when it was called so often, one time."""
    calls = iter(range(10**6))

    def called(*arguments):
        if next(calls) == after and not failures:
            failures.append(str(error))
            raise error
        return function(*arguments)

    return called


def fail_in(name, patch, failures, after=0):
    """Memory ends once, in what is called so."""
    if name in ("look", "keep"):
        made = _training.compile_for

        def compile_for(*arguments):
            compiled = made(*arguments)
            return compiled._replace(**{name: once(getattr(compiled, name), failures, FULL, after)})

        patch.setattr(_training, "compile_for", compile_for)
        return
    owner = {"compile": jax.stages.Lowered, "on_threads": _training}.get(name, _training.Training)
    patch.setattr(owner, name, once(getattr(owner, name), failures, FULL, after))


def ending(rank, address, out):
    """Memory ends in the second of two processes, at each place where it can."""
    told = {}
    with joined(address, 2, rank):
        for name, after in {"_begun": 0, "compile": 0, "window": 4, "on_threads": 3, "look": 1, "keep": 1}.items():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_train, "SECONDS", 1e-9)
                patch.setattr(_keep, "SHARE", 0)  # every step is saved
                failures, steps, advance = [], [], _training.Training.advance

                def counted(training, first, num, advance=advance, steps=steps):
                    steps.append((str(training.plan), first))
                    return advance(training, first, num)

                patch.setattr(_training.Training, "advance", counted)
                if rank:
                    fail_in(name, patch, failures, after)
                found = train(plan=vj.Plan(2), keep=vj.Keeper(out / name, 0.0))
            noted(out / f"{name}-{rank}.npz", found)
            told[name] = found.dataset.attrs["plan"], len(failures), steps
        failures = []
        with pytest.MonkeyPatch.context() as patch:
            if rank:
                fail_in("bytes", patch, failures)
            found = train(plan=None, beta=BETAS)
        told["bytes"] = found.dataset.attrs["plan"], len(failures), []
        for mesh in (None, vj.mesh(data=4)):
            with pytest.MonkeyPatch.context() as patch:
                if rank:
                    error = DataError("record 7 cannot be read")
                    patch.setattr(_training.Training, "window", once(_training.Training.window, [], error, 2))
                with pytest.raises(VaejaxError, match="record 7" if rank else "another process of this run has failed"):
                    train(mesh=mesh)
    (out / f"told-{rank}.json").write_text(json.dumps(told))


def trying(rank, address, out):
    """Each of two processes is slow by another plan, the second by more."""
    os.environ["VAEJAX_CACHE"] = str(out / f"cache-{rank}")
    _choice.WORTH, _choice.SHARE, _choice.AGAIN, _choice.TRIAL = 0.0, np.inf, 1, 0.05
    window, tried = _training.Training.window, []

    def slow(self, first, num):
        tried.append(str(self.plan))
        if (self.plan.at_once is None) == bool(rank):
            _choice.time.sleep(0.2 if rank else 0.05)
        return window(self, first, num)

    _training.Training.window = slow
    with joined(address, 2, rank):
        plans = []
        for _ in range(2):
            tried.clear()
            found = train(plan=None, beta=BETAS)
            plans.append([found.dataset.attrs["plan"], *sorted(set(tried))])
    noted(out / f"tried-{rank}.npz", found)
    (out / f"plans-{rank}.json").write_text(json.dumps(plans))


def both(name, folder):
    """`name(rank, address, folder)` in two processes; what each left as JSON."""
    here = Path(__file__).parent
    code = "import sys; sys.path[:0] = sys.argv[1:3]; import conftest, pathlib, test_hosts\n"
    code += f"test_hosts.{name}(int(sys.argv[3]), sys.argv[4], pathlib.Path(sys.argv[5]))"
    ended, said = two(
        lambda address, rank: ["-c", code, str(here), str(here.parent), str(rank), address, str(folder)], folder
    )
    assert ended == [0, 0], "\n".join(err for _, err in said)


@pytest.mark.long
def test_memory_that_ends_in_one_process_ends_in_both_and_they_go_on(tmp_path):
    both("ending", tmp_path)
    first, second = (json.loads((tmp_path / f"told-{rank}.json").read_text()) for rank in range(2))
    assert [[plan, steps] for plan, _, steps in first.values()] == [[plan, steps] for plan, _, steps in second.values()]
    assert {name: failed for name, (_, failed, _) in first.items()} == dict.fromkeys(first, 0)
    assert {name: failed for name, (_, failed, _) in second.items()} == dict.fromkeys(first, 1)
    assert first.pop("bytes")[0].startswith("at_once=all (a guess")  # the first plan did not fit in one of them
    expected = train()
    for name, (plan, _, steps) in first.items():
        less = "at_once=2,waves=2" if name == "_begun" else "at_once=1"  # there is no room for what they carry on
        assert plan == f"{less} (memory ended by at_once=2)", name
        agree(tmp_path, f"{name}-0", expected, 1e-5)
        agree(tmp_path, f"{name}-1", expected, 1e-5)
        failed = max([step for by, step in steps if by == "at_once=2"], default=0)
        assert next(step for by, step in steps if by == less) == failed, name  # from where it was saved


@pytest.mark.long
def test_two_processes_try_plans_and_choose_by_the_slower(tmp_path):
    both("trying", tmp_path)
    first, second = (json.loads((tmp_path / f"plans-{rank}.json").read_text()) for rank in range(2))
    assert first == second
    (measured, *tried), (before, *again) = first
    assert measured.startswith("at_once=1 (measured, ms a step and member: ")
    assert tried == ["at_once=1", "at_once=all", "at_once=all,shared"]
    assert (before, again) == (measured.replace("measured,", "measured before,"), ["at_once=1", "at_once=all,shared"])
    agree(tmp_path, "tried-0", train(beta=BETAS), 1e-5)
    assert [(tmp_path / f"cache-{rank}").exists() for rank in range(2)] == [True, False]
