"""Scumble inside Krita: select, say what belongs there, get it as a new layer that fits."""
