"""Says what the models would run on: ``python -m backend.engine.device`` prints a `protocol.DeviceInfo` as JSON.

It loads all that the worker loads, so that its success is the worker's.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from .accelerator import best_device, describe

if __name__ == "__main__":
    print(json.dumps(asdict(describe(best_device()))))
