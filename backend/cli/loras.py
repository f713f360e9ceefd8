"""`scumble loras`: the LoRAs that are there, by the names that prompts ask for them."""

from __future__ import annotations

import argparse
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backend.models import LoraFolder
from backend.places import Places

WRITTEN: Final = "<lora:NAME:0.8>"


def loras(arguments: argparse.Namespace, places: Places) -> int:
    """List what lies in the folder. Needs no backend: headers say all."""
    del arguments
    console = Console(highlight=False)
    entries = LoraFolder(places.loras).entries()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("LoRA", "for"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        if not entry.problem:
            # what a painter has named may look like markup
            table.add_row(escape(entry.name), entry.made_for)
    if table.row_count:
        console.print(table)
        print()
    for entry in entries:
        if entry.problem:
            console.print(f"{entry.name} cannot be used: {entry.problem}\n", markup=False, soft_wrap=True)
    if table.row_count:
        print(f"Write {WRITTEN} into a prompt to use one.")
    print(f"More LoRAs: put safetensors files into {places.loras}")
    return 0
