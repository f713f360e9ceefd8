from __future__ import annotations

from hypothesis import settings

# a busy machine is no fault of the code
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
