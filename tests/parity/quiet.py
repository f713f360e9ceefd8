"""Libraries that only say what a measurement does not ask for, silenced."""

from __future__ import annotations

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging


def silence() -> None:
    """Have no bars and no warnings of diffusers and transformers between the lines of a table."""
    for logging in (diffusers_logging, transformers_logging):
        logging.disable_progress_bar()
        logging.set_verbosity_error()
