"""A server that is there to be lost. ``lone_server.py FOLDER PROMPT`` runs one plan, says the worker's process id once it
paints, and then waits. The worker is a plain one, with the conduct that the prompt names; with "two_ends" the server leaves
without closing anything. With "real" it is the product's, deep in a long plan for the embedded model."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from backend.executors import LocalProcess
from backend.executors.launch import worker_command
from backend.models import Library
from backend.plan import Plan, Stepped, make_plan
from backend.prompts import Prompt, Words
from protocol import Bounds, Extent, Job, Style


class PlainProcess(LocalProcess):
    def command(self):
        command = worker_command(self._models)
        at = command.index("-m")
        return [*command[:at], str(Path(__file__).with_name("plain_worker.py")), *command[at + 2 :]]


def plain_plan(prompt: str) -> Plan:
    size, whole = Extent(8, 8), Bounds(0, 0, 8, 8)
    words = (Words(Prompt.of(prompt)),)
    return Plan("a" * 32, "m", "f", words, (0,), size, whole, size, whole, "s", 1, 1.0, 1.0)


def real_plan(models: Path) -> Plan:
    job = Job(id="a" * 32, extent=Extent(64, 64), prompt="a red apple", style=Style(steps=1000))
    return make_plan(job, Library(models).find("").facts)


async def main(folder: Path, prompt: str) -> None:
    models, log = folder / "models", folder / "worker.log"
    executor = LocalProcess(models, log) if prompt == "real" else PlainProcess(models, log)
    plan = real_plan(models) if prompt == "real" else plain_plan(prompt)
    async for event in executor.run(plan, {}):
        if isinstance(event, Stepped) and event.stage == ("loading" if prompt == "two_ends" else "painting"):
            print(executor.pid, flush=True)


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
