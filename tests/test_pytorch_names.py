"""PyTorch's names that are others here: the error says how they are written."""

import re
from operator import attrgetter
from types import SimpleNamespace

import pytest

import autograd as ag
import nn
from autograd import Tensor
from autograd.pytorch_names import INSTEAD
from nn import functional as F

OF_NN, OF_FUNCTIONAL = vars(nn)["_INSTEAD"], vars(F)["_INSTEAD"]
CASES = [
    *((ag, name, says) for name, says in INSTEAD.items()),
    *((nn, name, says) for name, says in OF_NN.items()),
    *((F, name, says) for name, says in OF_FUNCTIONAL.items()),
]
ABSENT = [case for case in CASES if not hasattr(case[0], case[1])]


@pytest.mark.parametrize(("place", "name", "says"), ABSENT)
def test_a_name_of_pytorchs_is_answered_with_ours(place, name, says):
    message = f"has no attribute '{name}'; {re.escape(says)}"
    with pytest.raises(AttributeError, match=message):
        getattr(place, name)


def test_no_name_is_answered_that_is_everywhere():
    assert {name for _, name, _ in ABSENT} == {*INSTEAD, *OF_NN, *OF_FUNCTIONAL}


@pytest.mark.parametrize(
    "ours", [re.findall(r"[\w.]+", says)[2] for _, _, says in ABSENT if says.startswith("it is ")]
)
def test_what_it_is_here_is_here(ours):
    home = SimpleNamespace(autograd=ag, nn=nn)
    assert any(is_there(place, ours) for place in (home, ag, nn, Tensor([1.0])))


def is_there(place, path):
    try:
        attrgetter(path)(place)
    except AttributeError:
        return False
    return True


def test_what_is_missing_everywhere_is_no_more_than_missing():
    for place in (ag, nn, F):
        with pytest.raises(AttributeError, match=r"has no attribute 'colour'$") as caught:
            place.colour  # noqa: B018
        assert caught.value.name == "colour"
        assert caught.value.obj is place
