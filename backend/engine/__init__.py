"""Runs a plan, inside the worker: one denoise loop for every family."""
