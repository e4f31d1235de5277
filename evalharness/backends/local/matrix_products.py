"""Matrix products in float32 on processors for which torch's usual library is not the fastest.

torch multiplies float32 matrices by MKL, which keeps its widest instructions for the processors of
its maker. oneDNN, which comes with torch too, uses them on AMD's: there a layer takes about half
the time, to the same precision.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class _OneDnnLinear(torch.nn.Linear):  # type: ignore[misc]
    """A layer by oneDNN, from the weights as they are: no second copy is made."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name for it
        product: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 - no other name
            input, self.weight, self.bias, "none", [], ""
        )
        return product


def use_onednn_layers(model: Any) -> None:
    """Have the linear layers of a model, on the CPU and in float32, multiply by the faster library.

    Such a layer cannot be trained, for this product has no gradient.
    """
    if not _is_onednn_faster():
        return
    for layer in model.modules():
        # Not what derives from it: such layers have reasons of their own.
        if type(layer) is torch.nn.Linear and _is_cpu_float32(layer.weight):
            layer.__class__ = _OneDnnLinear


@contextmanager
def use_torch_layers(model: Any) -> Iterator[None]:
    """Have the layers multiply as torch does, for whoever compares results to the last bit."""
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
