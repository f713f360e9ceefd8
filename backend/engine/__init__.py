"""Runs a plan, inside the worker: one denoise loop for every family."""

from .engine import Engine as Engine
