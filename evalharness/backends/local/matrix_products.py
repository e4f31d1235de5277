"""Speed up float32 matrix products on processors for which torch's default library is slow.

torch multiplies float32 matrices with MKL, which uses its widest instructions only on processors of
its own vendor. oneDNN, which is part of torch too, uses them on AMD processors: a layer takes about
half the time there, with the same precision.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class _OneDnnLinear(torch.nn.Linear):  # type: ignore[misc]
    """A linear layer that uses oneDNN, without a second copy of the weights."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name for it
        product: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 - no other name
            input, self.weight, self.bias, "none", [], ""
        )
        return product


def use_onednn_layers(model: Any) -> None:
    """Let the float32 linear layers of a model on the CPU use oneDNN, if it is faster here.

    These layers cannot be trained, as this product has no gradient.
    """
    if not _is_onednn_faster():
        return
    for layer in model.modules():
        # No subclasses, which may compute something else.
        if type(layer) is torch.nn.Linear and _is_cpu_float32(layer.weight):
            layer.__class__ = _OneDnnLinear


@contextmanager
def use_torch_layers(model: Any) -> Iterator[None]:
    """Let the layers use torch's default product inside this context, for bitwise comparisons."""
    quick = [layer for layer in model.modules() if type(layer) is _OneDnnLinear]
    for layer in quick:
        layer.__class__ = torch.nn.Linear
    try:
        yield
    finally:
        for layer in quick:
            layer.__class__ = _OneDnnLinear


def _is_onednn_faster() -> bool:
    maker = str(torch.cpu.get_capabilities().get("cpu_name", ""))
    return maker.startswith("AMD") and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _is_cpu_float32(weight: Tensor) -> bool:
    return weight.dtype is torch.float32 and weight.device.type == "cpu"
