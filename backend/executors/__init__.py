"""Where a plan runs. The parent side imports no torch."""

from .interface import Executor as Executor
from .local import LocalProcess as LocalProcess
