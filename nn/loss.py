r"""Losses: functions, and the same as modules.

They differ in what is taken to be random about the target. With the predicted mean of a normal
distribution, minus the logarithm of its density is the squared error, up to a factor and a
constant; with a Bernoulli or a categorical distribution it is the cross-entropy. The last two take
logits z, whose derivatives are :math:`p - y` with p the sigmoid or softmax of z, times 1/N with
the mean over N examples; the squared error has :math:`2 (\hat y - y) / N`. Sigmoid and softmax are
the inverse of the canonical link, which leads from probabilities to logits.

A loss never broadcasts: (N, 1) against (N,) is N^2 pairs, and trains without a word on the wrong
ones. `reduction` is 'mean', 'sum' or 'none'.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor, as_tensor
from autograd.op import untensored, with_aliases
from nn.stateless import Stateless
from nn.warn import warn


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    r"""Return the squared error of each element, or their mean or sum.

    .. math:: \ell = (\hat y - y)^2

    With the mean over N elements the gradient is :math:`2 (\hat y - y) / N`.

    Parameters
    ----------
    input : Tensor of any shape, floating
    target : Tensor or array_like of the same shape
    reduction : {'mean', 'sum', 'none'}, default='mean'

    Returns
    -------
    Tensor of shape (), or that of `input` without reduction

    Raises
    ------
    ValueError
        If the shapes differ, or the reduction has no such name.
    TypeError
        If the input is not floating.

    Examples
    --------
    >>> mse_loss(Tensor([1.0, 2.0]), [0.0, 0.0]).item()
    2.5
    """
    input, target = _pair("mse_loss", input, target)
    return _reduce("mse_loss", ag.square(input - target), reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    r"""Return the absolute error of each element, or their mean or sum.

    .. math:: \ell = |\hat y - y|

    Its minimum over a constant prediction is the median, so outliers count little. The derivative
    at 0 is 0. Parameters and errors are those of `mse_loss`.

    Examples
    --------
    >>> l1_loss(Tensor([1.0, -2.0]), [0.0, 0.0]).item()
    1.5
    """
    input, target = _pair("l1_loss", input, target)
    return _reduce("l1_loss", abs(input - target), reduction)


def huber_loss(input: Any, target: Any, *, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    r"""Return Huber's loss: half the squared error up to `delta`, beyond it a straight line.

    .. math:: \ell = \tfrac12 d^2 \text{ for } d = |\hat y - y| \le \delta, \quad
              \delta (d - \tfrac12 \delta) \text{ beyond}

    Parameters
    ----------
    input : Tensor of any shape, floating
    target : Tensor or array_like of the same shape
    reduction : {'mean', 'sum', 'none'}, default='mean'
    delta : float, default=1.0
        Above 0.

    Returns
    -------
    Tensor of shape (), or that of `input` without reduction

    Raises
    ------
    ValueError
        If the shapes differ, `delta` is not positive, or the reduction has no such name.
    TypeError
        If the input is not floating.

    References
    ----------
    Huber, "Robust Estimation of a Location Parameter", 1964.

    Examples
    --------
    >>> huber_loss(Tensor([1.0, 3.0]), [0.0, 0.0], reduction="none").numpy()
    array([0.5, 2.5])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: delta is {delta}; it must be above 0")
    input, target = _pair("huber_loss", input, target)
    d = abs(input - target)
    near = ag.minimum(d, delta)
    return _reduce("huber_loss", near * (d - 0.5 * near), reduction)


def smooth_l1_loss(
    input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Return `huber_loss` with delta = beta, divided by beta: slope 1 far out, for every beta.

    With beta = 0 it is `l1_loss`. Parameters and errors are those of `huber_loss`.

    References
    ----------
    Girshick, "Fast R-CNN", 2015, arXiv:1504.08083, eq. (3), which has beta = 1.

    Examples
    --------
    >>> smooth_l1_loss(Tensor([1.0, 3.0]), [0.0, 0.0], reduction="none", beta=2.0).numpy()
    array([0.25, 2.  ])
    """
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return huber_loss(input, target, reduction=reduction, delta=beta) / beta


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    r"""Return -y log p - (1 - y) log(1 - p) of each element, or their mean or sum.

    From logits, `binary_cross_entropy_with_logits` is exact where p is rounded to 0 or 1; here
    a logarithm is taken to be -100 at least, as in PyTorch.

    Parameters
    ----------
    input : Tensor of any shape, floating
        Probabilities p.
    target : Tensor or array_like of the same shape
        y, between 0 and 1.
    weight : Tensor or array_like that broadcasts to that shape, optional
        Multiplies the losses.
    reduction : {'mean', 'sum', 'none'}, default='mean'

    Returns
    -------
    Tensor of shape (), or that of `input` without reduction

    Raises
    ------
    ValueError
        If the shapes differ, p is not between 0 and 1, or the reduction has no such name.
    TypeError
        If the input is not floating.

    Examples
    --------
    >>> round(binary_cross_entropy(Tensor([0.5, 0.5]), [1.0, 0.0]).item(), 4)
    0.6931
    """
    p, target = _pair("binary_cross_entropy", input, target)
    if p.size and not (p.data.min() >= 0 and p.data.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: probabilities run from {p.data.min()} to {p.data.max()}, and "
            "not between 0 and 1; for logits there is binary_cross_entropy_with_logits"
        )
    losses = _weighted(ag.bce(p, target), weight)
    return _reduce("binary_cross_entropy", losses, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    r"""Return -y log p - (1 - y) log(1 - p) with p = sigmoid(input), or its mean or sum.

    .. math:: \ell = \log(1 + e^z) - y z

    Computed from the logits z, so that no logarithm meets a p rounded to 0 or 1. The gradient is
    :math:`p - y`, divided by the number of elements with the mean. With K columns it is the loss
    of K answers that do not exclude each other.

    Parameters
    ----------
    input : Tensor of any shape, floating
        Logits z, not probabilities.
    target : Tensor or array_like of the same shape
        y, between 0 and 1: one answer, or several that do not exclude each other.
    weight : Tensor or array_like that broadcasts to that shape, optional
        Multiplies the losses.
    reduction : {'mean', 'sum', 'none'}, default='mean'
    pos_weight : Tensor or array_like that broadcasts to that shape, optional
        Multiplies the term of y = 1 alone: for classes that are rare.

    Returns
    -------
    Tensor of shape (), or that of `input` without reduction

    Raises
    ------
    ValueError
        If the shapes differ, or the reduction has no such name.
    TypeError
        If the input is not floating.

    Examples
    --------
    >>> z, y = Tensor([1000.0, -1000.0]), [1.0, 1.0]
    >>> binary_cross_entropy_with_logits(z, y, reduction="none").numpy()
    array([   0., 1000.])
    """
    z, y = _pair("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = ag.bce_with_logits(z, y)
    else:
        losses = _weighted(y * ag.softplus(-z), pos_weight) + (1 - y) * ag.softplus(z)
    return _reduce("binary_cross_entropy_with_logits", _weighted(losses, weight), reduction)


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the cross-entropy of logits against classes, or against probabilities.

    .. math:: \ell = -\sum_k y_k \log p_k = \log \sum_k e^{z_k} - z_t
              \quad \text{for one class } t, \quad p = \operatorname{softmax}(z)

    The gradient with respect to z is :math:`p - y`, divided by N with the mean over N examples.

    Parameters
    ----------
    input : Tensor of shape (N, C), (C,) or (N, C, d1, ...), floating
        Logits, not probabilities: where all rows look like probabilities, there is a warning.
    target : integer Tensor or array_like of shape (N,), () or (N, d1, ...)
        Class indices, 0 <= target < C. Or floating, of the shape of `input`: probabilities y.
    weight : Tensor or array_like of shape (C,), optional
        Multiplies the loss of each class; the mean is divided by the sum of the weights.
    ignore_index : int, default=-100
        Targets that do not count, in the mean neither: what fills up sequences that are shorter
        than the batch.
    reduction : {'mean', 'sum', 'none'}, default='mean'
    label_smoothing : float, default=0.0
        Between 0 and 1: the part of each target that is spread evenly over the classes.

    Returns
    -------
    Tensor of shape (); that of integer targets, or (N, d1, ...), without reduction

    Raises
    ------
    ValueError
        If the shapes do not fit, an index or `label_smoothing` is out of range, or the reduction
        has no such name.
    TypeError
        If the input is not floating, or the target neither integer nor floating of the shape of
        `input`.

    Warns
    -----
    UserWarning
        If the rows are between 0 and 1 and sum to 1: a softmax would be taken twice.

    References
    ----------
    Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015,
    arXiv:1512.00567, section 7, for the smoothing.

    Examples
    --------
    >>> z = Tensor([[0.0, 0.0], [0.0, 1000.0]], requires_grad=True)
    >>> cross_entropy(z, [1, 1], reduction="none").numpy().round(4)
    array([0.6931, 0.    ])
    >>> cross_entropy(z, [1, -100]).backward()
    >>> z.grad.numpy()
    array([[ 0.5, -0.5],
           [ 0. ,  0. ]])
    """
    z = input if isinstance(input, Tensor) else _tensor("cross_entropy", input)
    labels = target.data if isinstance(target, Tensor) else np.asarray(target)
    if z.ndim == 2:
        if z.size and 0 <= z.data.item(0) <= 1:  # most logits fail at the first look
            _warn_of_probabilities(z.data)
        if (
            weight is None
            and not label_smoothing
            and labels.dtype.kind in "iu"
            and ignore_index < 0
        ):
            try:
                classes = target if isinstance(target, Tensor) else labels
                if reduction == "mean":
                    return ag.cross_entropy(z, classes)  # type: ignore[no-any-return]
                return ag.cross_entropy(z, classes, reduction)  # type: ignore[no-any-return]
            except ValueError:  # where a target is negative
                if not (labels == ignore_index).any():
                    raise
    _check_floating("cross_entropy", z)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"cross_entropy: label_smoothing is {label_smoothing}; it is between 0 and 1"
        )
    if labels.dtype.kind == "f" and labels.shape == z.shape:
        y = _smooth(_like("cross_entropy", z, target), label_smoothing, z.shape[_axis(z)])
        losses = -_weighted(ag.log_softmax(_last(z)) * _last(y), weight).sum(axis=-1)
        return _reduce("cross_entropy", losses, reduction)
    return _of_classes(
        "cross_entropy",
        ag.log_softmax(z, _axis(z)),
        labels,
        weight,
        ignore_index,
        reduction,
        label_smoothing,
    )


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Return minus the log-probability of the right class: `cross_entropy` after `log_softmax`.

    Parameters
    ----------
    input : Tensor of shape (N, C), (C,) or (N, C, d1, ...), floating
        Log-probabilities.
    target : integer Tensor or array_like of shape (N,), () or (N, d1, ...)
        Class indices, 0 <= target < C.
    weight, ignore_index, reduction
        As in `cross_entropy`.

    Returns
    -------
    Tensor of shape (), or that of `target` without reduction

    Raises
    ------
    ValueError
        If the shapes do not fit, an index is out of range or the reduction has no such name.
    TypeError
        If the target is not an integer array, or the input not a floating one.

    Warns
    -----
    UserWarning
        If a value is above 0, as no log-probability is.

    Examples
    --------
    >>> nll_loss(Tensor([[-0.5, -1.0]]), [1]).item()
    1.0
    """
    log_p = _tensor("nll_loss", input)
    _check_floating("nll_loss", log_p)
    if log_p.size and (largest := log_p.data.max()) > 1e-2:  # more than rounding makes of 0
        warn(
            f"nll_loss: the input has a value of {largest:.3g}, and log-probabilities are at most "
            "0; pass log_softmax(x), or the logits x to cross_entropy"
        )
    labels = target.data if isinstance(target, Tensor) else np.asarray(target)
    return _of_classes("nll_loss", log_p, labels, weight, ignore_index, reduction)


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    r"""Return the terms of the Kullback-Leibler divergence of the input from the target.

    .. math:: \ell = y (\log y - x) \quad \text{with } x = \log p

    Their sum over the classes is the divergence of y from p, so its mean over a batch is
    ``reduction='batchmean'``; 'mean', the default as in PyTorch, divides by the number of classes
    too.

    Parameters
    ----------
    input : Tensor of any shape, floating
        Log-probabilities.
    target : Tensor or array_like of the same shape
        Probabilities, or their logarithms if `log_target`.
    reduction : {'mean', 'batchmean', 'sum', 'none'}, default='mean'
    log_target : bool, default=False

    Returns
    -------
    Tensor of shape (), or that of `input` without reduction

    Raises
    ------
    ValueError
        If the shapes differ, or the reduction has no such name.
    TypeError
        If the input is not floating.

    Examples
    --------
    >>> log_p = ag.log(Tensor([[0.5, 0.5]]))
    >>> round(kl_div(log_p, [[0.5, 0.5]], reduction="batchmean").item(), 4)
    0.0
    >>> round(kl_div(log_p, [[1.0, 0.0]], reduction="batchmean").item(), 4)
    0.6931
    """
    x, y = _pair("kl_div", input, target)
    terms = ag.exp(y) * (y - x) if log_target else ag.xlogy(y, y) - y * x
    if reduction == "batchmean":
        return terms.sum() / max(len(x) if x.ndim else 1, 1)  # type: ignore[no-any-return]
    return _reduce("kl_div", terms, reduction, "batchmean")


def hinge_loss(input: Any, target: Any, *, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    r"""Return the hinge loss of a score against -1 or 1: 0 from the margin on, else a line.

    .. math:: \ell = \max(0, m - y x)

    Parameters
    ----------
    input : Tensor of any shape, floating
        Scores: positive for 1, negative for -1.
    target : Tensor or array_like of the same shape, of -1 and 1
    margin : float, default=1.0
    reduction : {'mean', 'sum', 'none'}, default='mean'

    Returns
    -------
    Tensor of shape (), or that of `input` without reduction

    Raises
    ------
    ValueError
        If the shapes differ, the target has other numbers, or the reduction has no such name.
    TypeError
        If the input is not floating.

    References
    ----------
    Cortes and Vapnik, "Support-Vector Networks", 1995.

    Examples
    --------
    >>> hinge_loss(Tensor([2.0, 0.25, -1.0]), [1, 1, 1], reduction="none").numpy()
    array([0.  , 0.75, 2.  ])
    """
    x, y = _pair("hinge_loss", input, target)
    _check_signs("hinge_loss", y)
    return _reduce("hinge_loss", ag.relu(margin - y * x), reduction)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    r"""Return the hinge loss of several classes: how far others come near the right score.

    .. math:: \ell = \frac{1}{C} \sum_{k \ne t} \max(0, m - x_t + x_k)^p

    Parameters
    ----------
    input : Tensor of shape (N, C) or (C,), floating
        Scores.
    target : integer Tensor or array_like of shape (N,) or ()
        Class indices t, 0 <= target < C.
    p : {1, 2}, default=1
    margin : float, default=1.0
    weight : Tensor or array_like of shape (C,), optional
        Multiplies the loss of each class.
    reduction : {'mean', 'sum', 'none'}, default='mean'

    Returns
    -------
    Tensor of shape (), or that of `target` without reduction

    Raises
    ------
    ValueError
        If the shapes do not fit, an index is out of range, or p or the reduction is not known.
    TypeError
        If the target is not an integer array.

    References
    ----------
    Weston and Watkins, "Support Vector Machines for Multi-Class Pattern Recognition", 1999.

    Examples
    --------
    >>> multi_margin_loss(Tensor([[3.0, 2.5, 0.0]]), [0]).item() * 3
    0.5
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p is {p}; it is 1 or 2")
    x = _tensor("multi_margin_loss", input)
    labels = target.data if isinstance(target, Tensor) else np.asarray(target)
    if x.ndim not in (1, 2):
        raise ValueError(
            f"multi_margin_loss: scores of shape {x.shape}; pass (batch, classes) or (classes,)"
        )
    _check_classes("multi_margin_loss", x, labels, labels)
    rows, classes = x.reshape(-1, x.shape[-1]), labels.reshape(-1)
    at = np.arange(len(classes)), classes
    wrong = np.ones(rows.shape, rows.dtype)
    wrong[at] = 0
    gaps = ag.relu(margin - rows[at][:, None] + rows)
    losses = ((gaps if p == 1 else ag.square(gaps)) * wrong).sum(axis=1) / x.shape[-1]
    if weight is not None:
        losses = losses * as_tensor(weight, losses.dtype)[classes]
    return _reduce("multi_margin_loss", losses.reshape(labels.shape), reduction)


@with_aliases
def cosine_similarity(x1: Any, x2: Any, axis: int = 1, eps: float = 1e-8) -> Tensor:
    r"""Return the cosine of the angle between vectors along an axis.

    .. math:: \frac{x_1 \cdot x_2}{\max(\|x_1\|, \epsilon) \max(\|x_2\|, \epsilon)}

    Parameters
    ----------
    x1, x2 : Tensor or array_like, floating, of shapes that broadcast
    axis : int, default=1
    eps : float, default=1e-8

    Returns
    -------
    Tensor of the broadcast shape without the axis

    Examples
    --------
    >>> cosine_similarity(Tensor([[1.0, 0.0]]), Tensor([[1.0, 1.0]])).numpy().round(4)
    array([0.7071])
    """
    x1, x2 = (_tensor("cosine_similarity", x) for x in (x1, x2))
    lengths = [ag.maximum(ag.norm(x, axis=axis, keepdims=True), eps) for x in (x1, x2)]
    return ((x1 / lengths[0]) * (x2 / lengths[1])).sum(axis=axis)  # type: ignore[no-any-return]


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    r"""Return what draws pairs of vectors together (1) or apart (-1), by their cosine.

    .. math:: \ell = 1 - \cos(x_1, x_2) \text{ for } y = 1, \quad
              \max(0, \cos(x_1, x_2) - m) \text{ for } y = -1

    Parameters
    ----------
    input1, input2 : Tensor of shape (N, D) or (D,), floating
    target : Tensor or array_like of shape (N,) or (), of -1 and 1
    margin : float, default=0.0
    reduction : {'mean', 'sum', 'none'}, default='mean'

    Returns
    -------
    Tensor of shape (), or that of `target` without reduction

    Raises
    ------
    ValueError
        If the shapes do not fit, the target has other numbers, or the reduction has no such name.
    TypeError
        If the input is not floating.

    Examples
    --------
    >>> a, b = Tensor([[1.0, 0.0], [1.0, 0.0]]), Tensor([[2.0, 0.0], [3.0, 4.0]])
    >>> cosine_embedding_loss(a, b, [1, -1], reduction="none").numpy()
    array([0. , 0.6])
    """
    where = "cosine_embedding_loss"
    x1, x2 = _pair(where, input1, input2)
    if x1.ndim not in (1, 2):
        raise ValueError(f"{where}: vectors of shape {x1.shape}; pass (batch, size) or (size,)")
    cosine, y = _pair(where, cosine_similarity(x1, x2, axis=-1), target)
    _check_signs(where, y)
    losses = ag.where(y.data > 0, 1 - cosine, ag.relu(cosine - margin))
    return _reduce(where, losses, reduction)


# What they have in common.


def _tensor(where: str, input: Any) -> Tensor:
    return as_tensor(untensored(where, input, "the input"))


def _pair(where: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Return both as tensors of one shape: broadcasting would train on the wrong pairs."""
    x = _tensor(where, input)
    y = _like(where, x, target)
    if x.shape != y.shape:
        hint = "; reshape one of them" if x.size == y.size else ""
        raise ValueError(
            f"{where}: input of shape {x.shape} and target of shape {y.shape} differ, "
            f"and a loss does not broadcast{hint}"
        )
    return x, y


def _like(where: str, x: Tensor, target: Any) -> Tensor:
    """Return the target as a tensor; what is none, or is of integers, takes the dtype of x."""
    _check_floating(where, x)
    y = as_tensor(untensored(where, target, "the target"))
    if y.dtype.kind != "f":  # classes 0 and 1 as integers would promote float32
        return y.astype(x.dtype)  # type: ignore[no-any-return]
    return y if isinstance(target, Tensor) else as_tensor(y, x.dtype)


def _check_floating(where: str, x: Tensor) -> None:
    if x.dtype.kind != "f":
        raise TypeError(f"{where}: the input is of {x.dtype}; pass floating numbers")


def _weighted(losses: Tensor, weight: Any) -> Tensor:
    if weight is None:
        return losses
    return losses * np.broadcast_to(as_tensor(weight, losses.dtype), losses.shape)


def _reduce(where: str, losses: Tensor, reduction: str, *others: str) -> Tensor:
    if reduction == "mean":
        return losses.mean()  # type: ignore[no-any-return]
    if reduction == "sum":
        return losses.sum()  # type: ignore[no-any-return]
    if reduction == "none":
        return losses
    names = ", ".join(map(repr, ("mean", *others, "sum")))
    raise ValueError(f"{where}: reduction is {reduction!r}; it is {names} or 'none'")


def _axis(x: Tensor) -> int:
    """The axis of the classes: the second of a batch."""
    return 1 if x.ndim > 1 else 0


def _last(x: Tensor) -> Tensor:
    return ag.moveaxis(x, _axis(x), -1) if x.ndim > 2 else x


def _smooth(y: Tensor, part: float, classes: int) -> Tensor:
    return y * (1 - part) + part / classes if part else y


def _of_classes(
    where: str,
    log_p: Tensor,
    labels: np.ndarray[Any, Any],
    weight: Any,
    ignore_index: int,
    reduction: str,
    smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of log-probabilities against class indices, with all options."""
    kept = labels != ignore_index
    _check_classes(where, log_p, labels, labels[kept])
    log_p = _last(log_p)
    classes = log_p.shape[-1]
    # One example in a row, those that do not count left out.
    rows, chosen = log_p.reshape(-1, classes)[kept.reshape(-1)], labels[kept]
    w = as_tensor(np.ones(classes) if weight is None else weight, log_p.dtype)
    if w.shape != (classes,):
        raise ValueError(
            f"{where}: a weight of shape {w.shape} does not fit {classes} classes; "
            f"pass shape ({classes},)"
        )
    w_chosen = w[chosen]
    losses = -rows[np.arange(len(chosen)), chosen] * w_chosen
    if smoothing:
        losses = (1 - smoothing) * losses - (smoothing / classes) * (rows * w).sum(axis=1)
    if reduction == "mean":
        if chosen.size:  # by means, for sums of many overflow in float16
            return losses.mean() / w_chosen.mean()  # type: ignore[no-any-return]
        return losses.sum() / w_chosen.sum()  # type: ignore[no-any-return]
    if reduction == "none":
        losses = ag.setitem(as_tensor(np.zeros(labels.shape, losses.dtype)), losses, (kept,))
    return _reduce(where, losses, reduction)


def _check_classes(where: str, x: Tensor, labels: Any, counting: Any) -> None:
    """Raise unless integer labels fit the shape of x, and those that count have a class."""
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"{where}: targets are class indices, integers, but are {labels.dtype}; "
            "pass target.astype(int)"
        )
    axis = _axis(x)
    if x.ndim == 0 or labels.shape != x.shape[:axis] + x.shape[axis + 1 :]:
        raise ValueError(
            f"{where}: input of shape {x.shape} and targets of shape {labels.shape} do not fit; "
            "pass (batch, classes, ...) and class indices (batch, ...)"
        )
    classes = x.shape[axis]
    if counting.size and not 0 <= counting.min() <= counting.max() < classes:
        raise ValueError(
            f"{where}: targets run from {counting.min()} to {counting.max()}, but there are "
            f"{classes} classes, 0 to {classes - 1}"
        )


def _check_signs(where: str, y: Tensor) -> None:
    if not (np.abs(y.data) == 1).all():
        raise ValueError(f"{where}: targets are -1 or 1; for 0 and 1 pass 2 * target - 1")


def _warn_of_probabilities(z: np.ndarray[Any, Any]) -> None:
    """Warn where each row is between 0 and 1 and sums to 1."""
    if z.shape[1] < 2 or not 0 <= z.item(1) <= 1 or z.dtype.kind != "f":
        return
    off = 1e-5 if z.dtype != np.float16 else 1e-2
    if abs(z[0].sum() - 1) <= off and z.min() >= 0 and (np.abs(z.sum(axis=1) - 1) <= off).all():
        warn(
            "cross_entropy: the input looks like probabilities, for its rows are between 0 and 1 "
            "and sum to 1; pass the logits, of which it takes the softmax itself",
        )


# The same as modules.


class MSELoss(Stateless, function=mse_loss, inputs=2):
    """The squared error; see `functional.mse_loss`."""


class L1Loss(Stateless, function=l1_loss, inputs=2):
    """The absolute error; see `functional.l1_loss`."""


class HuberLoss(Stateless, function=huber_loss, inputs=2):
    """Squared near 0, a line far out; see `functional.huber_loss`."""


class SmoothL1Loss(Stateless, function=smooth_l1_loss, inputs=2):
    """Huber's loss with slope 1; see `functional.smooth_l1_loss`."""


class BCELoss(Stateless, function=binary_cross_entropy, inputs=2):
    """Binary cross-entropy of probabilities; see `functional.binary_cross_entropy`."""


class BCEWithLogitsLoss(Stateless, function=binary_cross_entropy_with_logits, inputs=2):
    """Binary cross-entropy of logits; see `functional.binary_cross_entropy_with_logits`."""


class CrossEntropyLoss(Stateless, function=cross_entropy, inputs=2):
    """Cross-entropy of logits against classes; see `functional.cross_entropy`."""


class NLLLoss(Stateless, function=nll_loss, inputs=2):
    """Minus the log-probability of the right class; see `functional.nll_loss`."""


class KLDivLoss(Stateless, function=kl_div, inputs=2):
    """The Kullback-Leibler divergence; see `functional.kl_div`."""


class HingeLoss(Stateless, function=hinge_loss, inputs=2):
    """The hinge loss of scores against -1 and 1; see `functional.hinge_loss`."""


class MultiMarginLoss(Stateless, function=multi_margin_loss, inputs=2):
    """The hinge loss of several classes; see `functional.multi_margin_loss`."""


class CosineSimilarity(Stateless, function=cosine_similarity, inputs=2):
    """The cosine between vectors; see `functional.cosine_similarity`."""


class CosineEmbeddingLoss(Stateless, function=cosine_embedding_loss, inputs=3):
    """Pairs together or apart, by their cosine; see `functional.cosine_embedding_loss`."""
