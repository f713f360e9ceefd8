"""A server that is there to be lost. ``lone_server.py FOLDER PROMPT`` runs one plan in a plain worker, says the worker's
process id once it paints, and then waits, or with the prompt "two_ends" leaves without closing anything."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from backend.executors import LocalProcess
from backend.executors.launch import worker_command
from backend.plan import Plan, Stepped
from protocol import Bounds, Extent


class PlainProcess(LocalProcess):
    def command(self):
        command = worker_command(self._models)
        at = command.index("-m")
        return [*command[:at], str(Path(__file__).with_name("plain_worker.py")), *command[at + 2 :]]


async def main(folder: Path, prompt: str) -> None:
    size, whole = Extent(8, 8), Bounds(0, 0, 8, 8)
    plan = Plan("a" * 32, "m", "f", prompt, "", (0,), size, whole, size, whole, "s", 1, 1.0, 1.0)
    executor = PlainProcess(folder / "models", folder / "worker.log")
    async for event in executor.run(plan, {}):
        if isinstance(event, Stepped) and event.stage == ("loading" if prompt == "two_ends" else "painting"):
            print(executor.pid, flush=True)


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
