from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from vaejax import folder, saved
from vaejax.answer import Remedy, doctor
from vaejax.config import ALWAYS, ASKED, Config
from vaejax.lines import command


@dataclass(frozen=True)
class Doctor:
    """Say what went wrong in a finished run, by name, with the evidence and the commands to run next."""

    run_folder: Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a finished run."""

    def run(self) -> int:
        """0; prints a paragraph for each failure."""
        table = saved.read_table(self.run_folder)
        config, _ = folder.read_config(self.run_folder)
        diagnosis = doctor(table)
        for number, finding in enumerate(diagnosis.findings, start=1):
            print(f"{finding.name[0].upper()}{finding.name[1:]}. {finding.evidence}")
            for letter, remedy in zip("abcdefgh", finding.remedies, strict=False):
                print(f"  {remedy.text}:" if remedy.grid or remedy.python else f"  {remedy.text}.")
                for line in lines_of(remedy, config, f"{self.run_folder}-{number}{letter}"):
                    print(f"    {line}")
            print()
        if not diagnosis.findings:
            print("Nothing that could be looked for went wrong.")
        for name, why in diagnosis.not_looked_for.items():
            print(f"Not looked for: {name}; {why}.")
        return 0


def lines_of(remedy: Remedy, config: Config, out: str) -> list[str]:
    """The commands that try a remedy on the same data, or the Python where the command line has no such flag."""
    known = {field.name for field in fields(Config)}
    if not remedy.grid or not set(remedy.grid) <= known:
        values = ", ".join(f"{name}={list(values)}" for name, values in remedy.grid.items())
        return [part for part in (remedy.python, f"vj.sweep(member, data, {values})" if values else "") if part]
    ((name, values),) = remedy.grid.items()
    tried = [values] if name in (*ALWAYS, *ASKED) else list(values)
    marks = [""] if len(tried) == 1 else [str(i) for i in range(1, len(tried) + 1)]
    return [command("sweep", config, {name: value}, f"{out}{mark}") for value, mark in zip(tried, marks, strict=True)]
