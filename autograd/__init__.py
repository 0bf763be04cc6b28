"""An autograd engine on NumPy: tensors that record operations, and walk them back.

Read in this order: `op` (what an operation is), `ops` (the table of them), `engine` (the
algorithms), `tensor` (what joins the two), `forward` (forward mode). Beside the engine stand
`recording` (what is recorded, and who watches) and `changes` (what is changed in place).
"""

# ruff: noqa: F401, F403 - every op is public, under the name that its module gives
import sys as _sys
import typing as _typing

from . import heap as heap
from .anomaly import AnomalyError as AnomalyError
from .anomaly import detect_anomaly as detect_anomaly
from .check import GradcheckError as GradcheckError
from .check import gradcheck as gradcheck
from .check import gradgradcheck as gradgradcheck
from .cost import cost as cost
from .cost import profile as profile
from .creation import *
from .engine import backprop as backprop
from .engine import toposort as toposort
from .explode import explode as explode
from .forward import jvp as jvp
from .op import EachInput as EachInput
from .op import Op as Op
from .op import op as op
from .ops import *
from .ops import abs_ as abs
from .ops import all_ as all
from .ops import any_ as any
from .ops import max_ as max
from .ops import min_ as min
from .ops import op_table as op_table
from .ops import pow_ as pow
from .ops import round_ as round
from .ops import sum_ as sum
from .pytorch_names import missing as _missing
from .random import manual_seed as manual_seed
from .recording import Scope as Scope
from .recording import enable_grad as enable_grad
from .recording import no_grad as no_grad
from .recording import scope as scope
from .strict import strict_broadcast as strict_broadcast
from .tensor import Tensor as Tensor
from .tensor import as_tensor as as_tensor
from .tensor import tensor as tensor
from .transforms import checkpoint as checkpoint
from .transforms import ggnvp as ggnvp
from .transforms import grad as grad
from .transforms import hessian as hessian
from .transforms import hvp as hvp
from .transforms import jacfwd as jacfwd
from .transforms import jacobian as jacobian
from .transforms import jacrev as jacrev
from .transforms import linearize as linearize
from .transforms import value_and_grad as value_and_grad
from .transforms import vjp as vjp

if not _typing.TYPE_CHECKING:

    def __getattr__(name):
        raise _missing("module 'autograd'", name, _sys.modules[__name__])
