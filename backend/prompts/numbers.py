"""Numbers as they are written in prompts."""

from __future__ import annotations

from typing import Final

NUMBER: Final = r"(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)"
"""A regular expression for one without a sign: ``1``, ``1.``, ``1.5`` or ``.5``. There is one way only to read each, since
trying all ways to part thousands of digits would take seconds. So what follows it in an expression is no digit."""
