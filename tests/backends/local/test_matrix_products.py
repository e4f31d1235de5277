"""The faster library multiplies as torch does, and takes over nothing but what it is for."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from evalharness.backends.local.matrix_products import (
    _is_onednn_faster,
    _OneDnnLinear,
    use_onednn_layers,
    use_torch_layers,
)

pytestmark = pytest.mark.skipif(
    not _is_onednn_faster(), reason="torch's own products are as fast on this processor"
)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [(1, 1), (3, 1), (1, 257), (8, 33)])
@torch.inference_mode()
def test_the_product_is_the_same_to_the_precision_of_float32(rows, bias):
    """Probabilities of a judge must not depend on the maker of its processor."""
    plain = torch.nn.Linear(576, 192, bias=bias)
    model = torch.nn.Sequential(plain)
    vectors = torch.randn(*rows, 576)
    expected = vectors.double() @ plain.weight.double().T + (plain.bias.double() if bias else 0)
    use_onednn_layers(model)

    assert type(model[0]) is _OneDnnLinear
    assert torch.allclose(model(vectors).double(), expected, atol=1e-5)


def test_other_numbers_and_layers_with_a_product_of_their_own_stay_as_they_are():
    """bfloat16 goes the faster way already; a layer that derives from Linear has its reasons."""

    class Special(torch.nn.Linear):
        pass

    half, special = torch.nn.Linear(4, 4, dtype=torch.bfloat16), Special(4, 4)
    use_onednn_layers(torch.nn.Sequential(half, special))

    assert type(half) is torch.nn.Linear
    assert type(special) is Special


@torch.inference_mode()
def test_whoever_borrows_the_model_gets_torchs_own_products():
    """Benchmarks are compared with lm-eval's to the last bit; afterwards all is quick again."""
    model, vectors = torch.nn.Sequential(torch.nn.Linear(576, 192)), torch.randn(64, 576)
    expected = model(vectors)
    use_onednn_layers(model)

    with use_torch_layers(model):
        assert torch.equal(model(vectors), expected)
    assert type(model[0]) is _OneDnnLinear
