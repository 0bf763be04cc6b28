"""A module beside PyTorch's module of the same kind: the same weights, output and gradients."""

import numpy as np

from autograd import Tensor


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def compare(ours, theirs, x, torch):
    """Give both models the same weights and compare output, all gradients and the buffers."""
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    a = Tensor(x, requires_grad=True)
    b = torch.tensor(x, requires_grad=True)
    out, expected = ours(a), theirs(b)
    g = normal(*out.shape, seed=9, dtype=out.dtype)
    out.backward(g)
    expected.backward(torch.tensor(g))
    tolerance = 1e-12 if x.dtype == np.float64 else 1e-5

    def agree(found, right):
        right = right.detach().numpy()
        assert found.dtype == right.dtype
        np.testing.assert_allclose(found.numpy(), right, tolerance, tolerance)

    assert out.dtype == x.dtype
    agree(out, expected)
    agree(a.grad, b.grad)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    named = dict(theirs.named_parameters())
    assert list(named) == [name for name, _ in ours.named_parameters()]
    for name, p in ours.named_parameters():
        agree(p.grad, named[name].grad)
    buffers = dict(theirs.named_buffers())
    assert list(buffers) == [name for name, _ in ours.named_buffers()]
    for name, buffer in ours.named_buffers():
        agree(buffer, buffers[name])
