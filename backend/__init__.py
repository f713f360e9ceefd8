"""The server and what it runs."""

__version__ = "0.1.0"
