"""Our loop against diffusers' own pipelines: one case a model, and what is measured of each."""
