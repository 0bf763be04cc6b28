"""Where chance comes from in `nn`: the default Generator of `autograd`, and its seed."""

from autograd.random import generator as generator
from autograd.random import manual_seed as manual_seed
