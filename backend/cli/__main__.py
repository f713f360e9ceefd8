"""Lets `python -m backend.cli` be the `scumble` command."""

import sys

from backend.cli import main

sys.exit(main())
