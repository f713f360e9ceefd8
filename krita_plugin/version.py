"""The plugin's version: the same as the backend's, which it was made with."""

from typing import Final

VERSION: Final = "0.1.0"
