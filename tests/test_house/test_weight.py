"""What answers a painter within a second must not load what takes ten: imported for real, in a process of its own."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors", "tokenizers")

PROBE = """
import importlib, pkgutil, sys
for name in {names!r}:
    module = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), name + "."):
        if found.name not in {leave_out!r}:
            importlib.import_module(found.name)
print(",".join(name for name in {heavy!r} if name in sys.modules))
"""


@pytest.mark.parametrize(
    "name",
    [
        "protocol",
        "backend.prompts",
        "backend.plan",
        "backend.models",
        "backend.pixels",
        "backend.jobs",
        "backend.server",
        "backend.executors",
        "backend.client",
        "backend.plugin",
        "backend.cli",
    ],
)
def test_no_module_of_a_light_room_loads_torch(name):
    # the worker is started by its name; the command's __main__ runs it
    leave_out = ("backend.executors.worker", "backend.cli.__main__")
    probe = PROBE.format(names=[name], leave_out=leave_out, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_probe_sees_what_is_loaded():
    probe = PROBE.format(names=["email"], leave_out=(), heavy=("email.message", "torch"))
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "email.message"
