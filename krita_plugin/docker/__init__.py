"""What the painter sees: the docker's widgets. They show the studio and pass on what the painter does; no logic."""

from .panel import Panel as Panel
