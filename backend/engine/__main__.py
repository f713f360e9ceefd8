"""`python -m backend.engine` says as JSON what the models would run on: name, kind, memory in bytes."""

from __future__ import annotations

import dataclasses
import json

from backend.engine.device import best_device, describe

print(json.dumps(dataclasses.asdict(describe(best_device()))))
