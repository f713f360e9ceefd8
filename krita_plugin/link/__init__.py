"""The connection to the backend: the contract's Qt shell, on a thread of its own."""

import logging

# where nobody has set up a log, nothing goes to stderr: Krita's users have no terminal
logging.getLogger(__name__).addHandler(logging.NullHandler())
