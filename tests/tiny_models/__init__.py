"""Tiny models of random weights, a megabyte each: the architectures and layouts are real, the pictures are noise.

One file a group of families, with `save_tiny_<model>(folder)`, which writes what diffusers would. Factors that bear on sizes
are those of the real models: what the VAE reduces by, latent channels, tokens. Fixtures of these names are in conftest.py.
"""
