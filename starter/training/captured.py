"""Loss and gradients as one CUDA graph: on a GPU a small UNet's thousands of kernels take longer to be started than to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor

WARM_UPS: Final = 3
"""Rounds before a graph is captured, in which libraries choose their kernels and take their memory."""


class Captured:
    """A function from tensors to a loss. On a GPU, which is asked for the same shapes each time, it is captured when called first.

    A loss that comes from a graph has no history: the parameters' gradients are there already, and always in the same tensors.
    """

    def __init__(self, loss: Callable[..., Tensor], parameters: Iterable[Tensor]) -> None:
        """`loss` must draw no random numbers."""
        self._loss, self._parameters = loss, list(parameters)
        self._inputs: list[Tensor] = []
        self._graph: Any = None
        self._kept = torch.empty(())

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The loss; on a processor with its history, on a GPU with the gradients."""
        if inputs[0].device.type != "cuda":
            return self._loss(*inputs)
        if self._graph is None:
            self._capture(inputs)
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given)
        self._graph.replay()
        return self._kept.clone()

    def _capture(self, inputs: tuple[Tensor, ...]) -> None:
        self._inputs = [given.clone() for given in inputs]
        aside: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                self._step()
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # Another thread paints meanwhile, and may.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._kept = self._step()

    def _step(self) -> Tensor:
        for parameter in self._parameters:
            parameter.grad = None
        loss = self._loss(*self._inputs)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()
