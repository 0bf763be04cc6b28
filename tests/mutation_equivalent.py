"""Mutants that no check can tell from the original, each with the reason."""

FAST = "the other branch computes the same, slower"
ADDED = "the biases are added, so that they have one gradient"
ANY_SEQUENCE = "what reads it takes any sequence"

EQUIVALENT = {
    "indexing.along: grid[axis] = index": "a list takes negative positions too",
    "linalg.product: out = np.empty((n, 4, m // 4), np.result_type(b, a))": "it commutes",
    "reduction._named: if axis is None or ndim == 0:": "of a number, NumPy has refused other axes "
    "before",
    "normalization._positions: if False:": FAST,
    "normalization._joined: several = positions": FAST,
    "normalization._joined: several = math.gcd(positions, 65)": FAST,
    **{
        f"decomposition._outside: if {never}:": "what is left is rounding, which only an s of 0 "
        "makes large: a test of matrices, not of ops, has one"
        for never in ("False", "u.shape == u.shape[-1]", "u.shape[-2] == u.shape")
    },
    "blocks._in_blocks: if x.size < BLOCK:": FAST,
    "activation._gelu_tanh_reference: u = clip(-_FLAT, x, _FLAT)": "max commutes",
    "convolution.dbias: return np.moveaxis(widened(g), 1, -1)": "the engine sums over what is left",
    "convolution.window_views: windows = sliding_window_view(x, spans, range(2, x.ndim))": (
        ANY_SEQUENCE
    ),
    "convolution.window_views: spans = (d * (k - 1) + 1 for d, k in zip(geometry.dilation, kernel, "
    "strict=True))": ANY_SEQUENCE,
    "convolution.spread_over: extra = (n - m for n, m in zip(sizes, least, strict=True))": (
        ANY_SEQUENCE
    ),
    "convolution.per_axis: values = (value,) * axes if isinstance(value, int) else value": (
        ANY_SEQUENCE
    ),
    "convolution._transposed_prepared: most = [max(s, d) for s, d in zip(geometry.dilation, "
    "geometry.stride, strict=True)]": "max commutes",
    "convolution._transposed_prepared: sizes = tuple((n + e for n, e in zip(extra, least, "
    "strict=True)))": "addition commutes",
    "convolution._transposed_reference: plain = Geometry((1,), ((0, 0),) * axes, "
    "geometry.dilation, groups)": "a step of 1 less changes nothing",
    "convolution._transposed_reference: plain = Geometry((1,) * axes, ((0, 1),) * axes, "
    "geometry.dilation, groups)": "what is padded at the end is cut off after",
    "convolution.channels_last: return x": FAST,
    "convolution.channels_last: if padding is None:": FAST,
    "convolution.channels_last: if padding is None or not map(any, padding):": FAST,
    **{
        f"shape._part: return part.reshape({ones} + part.shape){when}": "the engine sums over "
        "leading axes that are added"
        for ones, when in (
            ("(1,) * (ndim - part.ndim)", ""),
            ("(1,) * (ndim - part.ndim)", " if ndim >= part.ndim else part"),
            ("(1,) * (ndim + part.ndim)", " if ndim > part.ndim else part"),
            ("(1,) * ndim", " if ndim > part.ndim else part"),
        )
    },
    "pooling._max_dx: if False:": FAST,
    **{
        f"pooling._max_dx: if geometry.stride == kernel and geometry.dilation == {never}:": FAST
        for never in ("(0, 1)", "(1, 0)")
    },
    **{
        f"pooling._max_reference: if {never}:": FAST
        for never in (
            "False",
            "geometry.padding == ((1, 0), (0, 0))",
            "geometry.padding == ((0, 1), (0, 0))",
            "geometry.padding == ((0, 0), (1, 0))",
            "geometry.padding == ((0, 0), (0, 1))",
        )
    },
    "pooling._max_dx: share = g / sum((hit.astype(_counter(kernel)) for hit in hits))": (
        "counts of one byte leave the dtype of g as it is; of kernels of 256 elements and more, "
        "the engine casts the gradient back"
    ),
    "pooling._max_dx: share = g / sum((hit for hit in hits)).astype(g.dtype)": (
        "a sum that starts at the number 0 counts booleans"
    ),
    "pooling._shares_side_by_side: in_parts(fill, n, g.size)": FAST,
    "pooling._shares_side_by_side: in_parts(fill, n, largest.size)": FAST,
    "pooling._shares_side_by_side: if False:": "no rows are added then",
    "pooling._counter: return np.min_scalar_type(kernel)": (
        "an integer of eight bytes counts the elements as well"
    ),
    "pooling._geometry: geometry = Geometry(stride, tuple(((p, p) for p in around)), "
    "per_axis(where, 'dilation', dilation, 2, 1), groups=0)": "pools have no groups",
    "pooling._averaging: sizes = (output_size, output_size) if isinstance(output_size, int) else "
    "output_size": ANY_SEQUENCE,
    "pooling._averages: return -(inside / inside.sum(axis=1, keepdims=True)).astype("
    "np.float64 if dtype.kind in 'biu' else dtype)": "it is used twice, for rows and for columns",
    "recurrent._lstm_back: np.matmul(dz, weight).sum(axis=0, out=dh)": FAST,
    "recurrent._lstm_back: weight = _by_gate(weight_hh, 4)": FAST,
    "recurrent._gru_back: weight = np.roll(_by_gate(weight_hh, 3), 1, axis=0)": FAST,
    "recurrent._rnn_back: weight = weight_hh": FAST,
    "recurrent._lstm_cell_reference: i, f, g, o = split(z, 4, axis=1)": "z has two axes",
    "recurrent._gru_cell_reference: x_r, x_z, x_n = split(linear(x, weight_ih, bias_ih), 3, "
    "axis=1)": "it has two axes",
    "recurrent._gru_cell_reference: h_r, h_z, h_n = split(linear(h, weight_hh, bias_hh), 3, "
    "axis=1)": "it has two axes",
    "rnn: vjp[4] and vjp[5] exchanged": ADDED,
    "rnn_cell: vjp[4] and vjp[5] exchanged": ADDED,
    "lstm: vjp[5] and vjp[6] exchanged": ADDED,
    "lstm_cell: vjp[5] and vjp[6] exchanged": ADDED,
    "broadcast_to: kind = elementwise": "what the rule leaves is broadcast to the output's shape",
}
