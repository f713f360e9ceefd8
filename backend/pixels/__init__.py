"""Pixels: raw ones as they travel, picture files, layers, colour profiles. `raw` and `layers` need nothing but numpy."""
