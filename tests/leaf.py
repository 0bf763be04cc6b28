"""What most tests of graphs begin with."""

from autograd import Tensor


def leaf(data, name=None, **kwargs):
    """Return a tensor that requires grad."""
    return Tensor(data, requires_grad=True, name=name, **kwargs)
