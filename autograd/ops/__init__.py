"""The op table: every differentiable operation, declared once. `op_table` lists it."""

# ruff: noqa: F403 - the op modules name what they declare in __all__, once
from ..op import Op
from . import (
    activation,
    attention,
    control,
    convolution,
    decomposition,
    elementwise,
    fused,
    linalg,
    loss,
    normalization,
    order,
    pooling,
    rearrange,
    recurrent,
    reduction,
    shape,
)
from .activation import *
from .attention import *
from .control import *
from .convolution import *
from .decomposition import *
from .elementwise import *
from .elementwise import abs_ as abs_
from .elementwise import pow_ as pow_
from .elementwise import round_ as round_
from .fused import *
from .indexing import *
from .linalg import *
from .loss import *
from .normalization import *
from .order import *
from .pooling import *
from .rearrange import *
from .recurrent import *
from .reduction import *
from .reduction import all_ as all_
from .reduction import any_ as any_
from .reduction import max_ as max_
from .reduction import min_ as min_
from .reduction import sum_ as sum_
from .shape import *


def op_table() -> dict[str, Op]:
    """Return every op of the library by name.

    Examples
    --------
    >>> from autograd import op_table
    >>> op_table()["tanh"].kind
    'elementwise'
    """
    modules = (
        elementwise,
        activation,
        reduction,
        order,
        shape,
        linalg,
        rearrange,
        decomposition,
        control,
        convolution,
        pooling,
        fused,
        attention,
        loss,
        normalization,
        recurrent,
    )
    declared = [x for module in modules for x in vars(module).values()]
    return {x.name: x for x in declared if isinstance(x, Op)}
