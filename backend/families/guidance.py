"""Classifier-free guidance: two predictions, without and with what the prompt says, put together."""

from __future__ import annotations

import torch


def classifier_free(away: torch.Tensor, towards: torch.Tensor, guidance: float, rescale: float = 0.0) -> torch.Tensor:
    """Guide from `away` (negative prompt) to `towards` (prompt): Ho and Salimans 2022, arXiv 2207.12598.

    All are `[pictures, channels, height, width]`. `rescale`, 0 to 1, brings each picture's deviation back towards that of
    `towards`, against burnt colours: Lin et al. 2024, arXiv 2305.08891, equations 15 and 16.
    """
    guided = away + guidance * (towards - away)
    if rescale <= 0:
        return guided
    axes = tuple(range(1, guided.ndim))
    rescaled = guided * (towards.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True))
    return rescale * rescaled + (1 - rescale) * guided


def of_the_norm_of(guided: torch.Tensor, towards: torch.Tensor) -> torch.Tensor:
    """`guided` with the length that `towards` has, both `[..., channels]`, per vector of channels.

    As diffusers' Qwen-Image pipelines do it, which take it from the model's authors.
    """
    length: torch.Tensor = torch.linalg.vector_norm(guided, dim=-1, keepdim=True)
    wanted: torch.Tensor = torch.linalg.vector_norm(towards, dim=-1, keepdim=True)
    return guided * (wanted / length)


def no_longer_than(guided: torch.Tensor, towards: torch.Tensor) -> torch.Tensor:
    """`guided` shortened to the length that `towards` has, where it is longer; both `[pictures, ...]`, per picture.

    As diffusers' Z-Image pipelines do it (`cfg_normalization`), which take it from the model's authors.
    """
    axes = tuple(range(1, guided.ndim))
    length = torch.linalg.vector_norm(guided, dim=axes, keepdim=True)
    wanted = torch.linalg.vector_norm(towards, dim=axes, keepdim=True)
    shortened: torch.Tensor = guided * (wanted / length).clamp(max=1)
    return shortened
