"""Makes `gaussian` importable, which pytest's importlib mode does not do for what lies beside the tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location("gaussian", Path(__file__).with_name("gaussian.py"))
_module = importlib.util.module_from_spec(_spec)
sys.modules.setdefault("gaussian", _module)
_spec.loader.exec_module(_module)
