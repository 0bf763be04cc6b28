"""What the notebooks share: the ledger of claims, the exercises and their checks, the experiments.

A notebook states a claim, has the reader predict a number, measures it, and says how the two
compare:

    value = pathologies.sigmoid_decay()
    claim("S7.1", value, guess=guess)

Nothing reusable is defined in a notebook. An experiment is a function in `lab.experiments` that
returns the number, or a dict of numbers, that the ledger holds an interval for; the notebooks and
the tests call the same one.
"""

from .exercise import check as check
from .figures import show as show
from .ledger import LEDGER as LEDGER
from .ledger import Claim as Claim
from .ledger import claim as claim
