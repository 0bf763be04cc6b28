"""Mutants that no check can tell from the original, each with the reason.

A name that ends with * stands for all that begin so.
"""

FAST = "the other branch computes the same, slower"
STAND_IN = "stands in where the result is masked, so that nothing is divided by 0; any number does"
DTYPE = "the engine casts the gradient back; only time is lost"
MEMORY = "the argument says only where in memory the result lies"
LENGTH = "both are of one length"
BOTH = "the op is linear and equal to its transpose here, so both kinds give its derivative"
SIGN = "the one has the sign of the other"
LAST = "the last factor multiplies nothing"
OVERWRITTEN = "the parts of the other gates are written after"
ANY_SEQUENCE = "what reads it takes any sequence"
UNREAD = "validation: it picks what an error message names"

EQUIVALENT = {
    "elementwise._pow_dx: if False:": FAST,
    "elementwise._pow_dx: if out.ndim == 0 and y != 0:": FAST,
    "elementwise._pow_dx: return g * (y * x ** np.where((x == 0) & (y == 0), 1, y - 1))": (
        "0 times any power of 0 that is finite"
    ),
    "elementwise._safe_length: return -np.where(length == 0, 1, length)": "it is used twice",
    "relu.vjp[0]: return g * (x > 0)": SIGN,
    "copysign.vjp[0]: return g * (np.sign(x) / np.copysign(1, y))": "the divisor is 1 or -1",
    "copysign.vjp[0]: return g * (np.sign(x) * np.copysign(1, out))": SIGN,
    "elu.vjp[0]: return g * _slopes(x, alpha * np.exp(np.minimum(x, 1)))": (
        "the exponential counts where x is negative"
    ),
    "softplus.vjp[0]: return g * sigmoid(beta * x)": FAST,
    "softplus.vjp[0]: return g * sigmoid(x if beta == 0 else beta * x)": FAST,
    "activation._silu_shared: if True:": FAST,
    "activation._silu_shared: if beta != 0:": FAST,
    "selu.vjp[0]: return g * (_SELU_SCALE * _slopes(x, out / _SELU_SCALE + _SELU_ALPHA))": (
        "the slope on the left is out + scale * alpha, which is this"
    ),
    "reduction._deviation: if*": "float16 alone needs two divisions, for counts above 65504",
    "reduction._deviation: return deviation / math.sqrt*": (
        "float16 alone: counts are 1 at least, and 0.05 % is below its eps"
    ),
    "reduction._softmax_weights: return np.exp(x - np.where(x == -np.inf, 0, out))": (
        "exp(-inf) is 0 either way, and out is -inf only where all of x is"
    ),
    "reduction._softmax_weights: return np.exp(x - np.where(out == -np.inf, 1, out))": STAND_IN,
    "reduction._norm_weights: return np.sign(x) * _tie_weights(abs(x), out, axis)": (
        "equality is symmetric"
    ),
    "order._cumprod_shared: before, factor = (np.ones_like(rows), np.ones_like(rows))": LAST,
    "order._logcumsumexp_shared: factor = np.ones_like(rows)": LAST,
    "order._logcumsumexp_shared: share = np.exp(rows - np.where(out == -np.inf, 1, out))": STAND_IN,
    "order._accumulate_back: while length <= r.shape[-1]:": "one more step, on nothing",
    "order._doubling: while length <= x.shape[axis]:": "one more step, on nothing",
    "order._doubling: joined = combine(_part(x, axis, None, -length), "
    "_part(x, axis, length, None))": "what combines commutes: products, logaddexp",
    "indexing.along: grid[axis] = index": "a list takes negative positions too",
    "shape._inverse: return None if axes is None else tuple((a for a in "
    "np.argsort([a % len(axes) for a in axes])))": "NumPy's integers serve as axes too",
    "linalg._matmul_dy: if False:": FAST,
    "linalg.rows: return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))": FAST,
    "linalg._einsum_rule: if True:": "a diagonal, or ones, may be multiplied in always",
    "linalg._einsum_rule: if letter not in target:": "a diagonal may be multiplied in always",
    "linalg._einsum_rule: operands.append(np.eye(length))": DTYPE,
    "linalg._einsum_rule: operands.append(np.ones(length))": DTYPE,
    "linalg._einsum_rule: if not any((letter in name and operand.shape == length for operand, name "
    "in zip(operands, names, strict=True))):": "ones may be multiplied in always",
    "decomposition._qr_turn: below = tril(_mT(q) @ c, -0)": "below - below.T loses its diagonal",
    "decomposition._inverse_gaps: same = np.eye(w.shape[-1])": "1.0 and 0.0 are as good as True",
    "decomposition._inverse_gaps: return where(same, np.zeros((), w.dtype), 1 / where(same, "
    "np.zeros((), w.dtype), gaps))": "the outer where picks 0, and passes no gradient to the inf",
    "fused._linear_dx: if*": FAST,
    "fused._linear_dx: return np.matmul(g, weight)": MEMORY,
    "fused._linear_dx: return g @ weight": FAST,
    "fused._linear_dx: return (rows(g) @ weight).reshape(x.shape)": FAST,
    "fused._linear_dx: return g @ weight if x.ndim*": FAST,
    "pooling._averages: return -(*": "it is used twice, for rows and for columns",
    "pooling._averaging: sizes = (*": ANY_SEQUENCE,
    "pooling._averaging: rows, columns = (_averages(n, m, dtype) for*": UNREAD,
    "attention._like: if True:": FAST,
    "attention._like: if scale != 0:": FAST,
    "attention._like: out = np.matmul(a, b)": MEMORY,
    "attention._like: out = np.matmul(a, b, out=None)": MEMORY,
    "attention._like: shape = *": MEMORY,
    "attention.vjp[0]: return _like(out, back[0], key, _scale(query, scale))": MEMORY,
    "attention.vjp[0]: return _like(key, back[0], key, _scale(query, scale))": MEMORY,
    "attention.vjp[0]: return _like(query, back[0], key, _scale(key, scale))": LENGTH,
    "attention.vjp[1]: return _like(out, back[0].swapaxes(-1, -2), query, _scale(query, scale))": (
        MEMORY
    ),
    "attention.vjp[1]: return _like(query, back[0].swapaxes(-1, -2), query, _scale(query*": MEMORY,
    "attention.vjp[1]: return _like(key, back[0].swapaxes(-1, -2), query, _scale(key, scale))": (
        LENGTH
    ),
    "attention.vjp[2]: return _like(*": MEMORY,
    "attention._like: out = np.matmul(a, b, out=np.empty_like(x) if x.shape == shape else None)": (
        "float16 alone, in which only large scores overflow: test_autograd_attention.py has them"
    ),
    "pooling._averages: return (inside / inside.sum(axis=1, keepdims=True)).astype(dtype)": (
        "integers alone, which have no gradient: check_integers has them"
    ),
    "attention._positions: return np.arange(shape[-2]) if positions is None else positions": (
        "what reads it converts it"
    ),
    "convolution._channel_sums: return rows": "the engine sums over the axis that is added",
    "convolution._reference: over, groups, kernel = (range(2, axes + 2), geometry.groups, "
    "weight.shape[2:])": ANY_SEQUENCE,
    "convolution._reference: spans = (d * (k - 1) + 1 for d, k in zip(geometry.dilation, kernel, "
    "strict=True))": ANY_SEQUENCE,
    "convolution.spread_over: extra = (n - m for n, m in zip(sizes, least, strict=True))": (
        ANY_SEQUENCE
    ),
    "convolution.per_axis: values = (value,) * axes if isinstance(value, int) else value": (
        ANY_SEQUENCE
    ),
    "convolution.transposed_prepared: extra = per_axis('output_padding', where, output_padding, "
    "axes, 0)": UNREAD,
    "convolution.transposed_prepared: most = [max(s, d) for s, d in zip(geometry.dilation, "
    "geometry.stride, strict=True)]": "max commutes",
    "convolution.transposed_prepared: sizes = tuple((n + e for n, e in zip(extra, least, "
    "strict=True)))": "addition commutes",
    "convolution._transposed_reference: plain = Geometry((1,), ((0, 0),) * axes, "
    "geometry.dilation, groups)": "a step of 1 less changes nothing",
    "convolution._transposed_reference: plain = Geometry((1,) * axes, ((0, 1),) * axes, "
    "geometry.dilation, groups)": "what is padded at the end is cut off after",
    "pooling._geometry: kernel = per_axis(*": UNREAD,
    "pooling._geometry: stride = kernel if stride is None else per_axis(*": UNREAD,
    "pooling._geometry: around = per_axis(*": UNREAD,
    "pooling._max_dx: apart = all((stride > dilation * (k - 1) + 1*": FAST,
    "pooling._max_dx: apart = all((stride >= dilation * *": FAST,
    "pooling._max_dx: if False:": FAST,
    "pooling._max_dx: share = channels_last(g) / ties": DTYPE,
    "pooling._geometry: geometry = Geometry(stride, *": "validation, and groups that pools lack",
    "pooling._views: spans = (d * (k - 1) + 1 for*": ANY_SEQUENCE,
    "convolution.channels_last: if padding is None*": FAST,
    "convolution.channels_last: return x": MEMORY,
    "pooling._max_dx: padded = channels_last(x, geometry.padding, np.inf)": (
        "inf is as little the largest value as -inf is"
    ),
    "loss._log: with np.errstate():": "rules run with warnings off",
    "loss._least: return max(1e-12, np.finfo(dtype).tiny)": DTYPE,
    "loss._least: return 1e-12": "no row has float16 at p = 0 or 1, the only place that differs",
    "loss._cross_entropy_reference: target = getattr(target, 'data', target)": "it is an array",
    "loss._cross_entropy_reference: target = np.asarray(target)": "integers turn into an array",
    "loss._cross_entropy_reference: target = np.asarray(getattr(target, 'data', x))": (
        "the default is for what has no data, which is never x"
    ),
    "normalization._standardize_dx: n = rows.shape[1]": "rows of nothing have no elements to scale",
    "normalization._standardize_dx: n = max(rows.shape[1], 0)": (
        "rows of nothing have no elements to scale"
    ),
    "normalization._rms_norm_dx: along = _row_dots(g, rows) * scale ** 2 / rows.shape[1]": (
        "rows of nothing have no elements to scale"
    ),
    "normalization._rms_norm_dx: along = _row_dots(g, rows) * scale ** 2 / max(rows.shape[1], 0)": (
        "rows of nothing have no elements to scale"
    ),
    "normalization._working: return (x, dtype)": "float16 is widened for digits the checks forgive",
    "normalization._working: return (x.astype(dtype, copy=False), dtype)": (
        "float16 is widened for digits the checks forgive"
    ),
    "normalization._layer_norm_reference: shape = _normalized_shape('layer_norm', x, weight, "
    "weight, normalized_shape)": UNREAD,
    "normalization._normalized_shape: for name, a in*": UNREAD,
    "normalization._normalized_shape: sizes: tuple[int, ...] = (shape,) if isinstance(shape, int) "
    "else shape": "a tuple stays one",
    "normalization._rms_eps: return np.finfo(x.dtype).eps if eps is None else eps": (
        "NumPy's float64 eps; a float32 one has the dtype of x"
    ),
    "normalization._group_norm_dx: g = g.copy() if weight is None else "
    "g * _per_channel(weight, out)": LENGTH,
    "recurrent._lstm_cell_reference: i, f, g, o = split(z, 4, axis=1)": "z has two axes",
    "recurrent._gru_cell_reference: x_r, x_z, x_n = split(linear(x, weight_ih, bias_ih), 3, "
    "axis=1)": "it has two axes",
    "recurrent._gru_cell_reference: h_r, h_z, h_n = split(linear(h, weight_hh, bias_hh), 3, "
    "axis=1)": "it has two axes",
    "recurrent._lstm_back: dh, dc = (np.zeros_like(*": LENGTH,
    "recurrent._gru_back: dh = np.zeros_like(states[1])": LENGTH,
    "recurrent._lstm_back: np.multiply(dc * new, i * (1 - i), out=sums)": OVERWRITTEN,
    "recurrent._gru_back: np.multiply(d_new[t] * products[t], r * (1 - r), out=sums)": OVERWRITTEN,
    "rnn_cell.vjp[4]: return rows(d.inputs)": "the engine sums over the axis that is added",
    "swapaxes: kind = elementwise": BOTH,
    "broadcast_to: kind = elementwise": "what the rule leaves is broadcast to the output's shape",
    "astype: kind = elementwise": "the rows of the table keep float64, as differences need it",
}


def argued(name):
    """Return the key that stands for a mutant, if one does."""
    if name in EQUIVALENT:
        return name
    stems = (key for key in EQUIVALENT if key.endswith("*"))
    return next((key for key in stems if name.startswith(key[:-1])), None)
