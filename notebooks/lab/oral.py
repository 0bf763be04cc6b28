"""The eight questions of the oral exam: an answer, the number that proves it, the follow-up."""

from __future__ import annotations

import html
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """A question as it is asked, its answer in ninety seconds, and what is asked next.

    Attributes
    ----------
    claim : str
        The id of the claim whose number proves the answer.
    """

    question: str
    answer: str
    claim: str
    follow_up: str
    follow_up_answer: str

    def __repr__(self) -> str:
        return f"{self.question}\n  {self.answer}\n{self.follow_up}\n  {self.follow_up_answer}"

    def _repr_html_(self) -> str:
        def folded(front: str, back: str) -> str:
            return (
                f"<details><summary><b>{html.escape(front)}</b></summary>"
                f"{html.escape(back)}</details>"
            )

        return folded(self.question, self.answer) + folded(self.follow_up, self.follow_up_answer)


QUESTIONS = (
    Question(
        "Derive backpropagation for a network of two layers.",
        "Z1 = X W1 + b1, A1 = relu(Z1), Z2 = A1 W2 + b2, P = softmax(Z2), mean cross-entropy. "
        "dZ2 = (P - Y) / n; dW2 = A1^T dZ2, db2 its sum over the batch; dA1 = dZ2 W2^T; "
        "dZ1 = dA1 where Z1 > 0, else 0; dW1 = X^T dZ1, db1 its sum.",
        "S11.1",
        "Why is db a sum, when the loss is a mean?",
        "The bias is added to every row, so its gradient adds up over the rows; the 1/n of the "
        "mean is already in dZ2.",
    ),
    Question(
        "What is a dying relu, and what helps?",
        "A unit whose pre-activation is negative for every example passes no gradient to its own "
        "parameters. Leaky slopes, smaller steps, a careful start and norms help.",
        "S11.2",
        "Is it dead for ever?",
        "In the first layer under plain gradient descent, yes. Further up the layers below go on "
        "moving its inputs, and may bring it back; weight decay, momentum and norms move it too.",
    ),
    Question(
        "Why 2 / n_in for He, and 2 / (n_in + n_out) for Xavier?",
        "Var(z) = n_in Var(w) E[x^2]. relu halves the second moment, E[relu(z)^2] = Var(z) / 2, so "
        "the variance of the weights doubles. Backward, n_out takes the place of n_in; Xavier is "
        "the compromise of the two for an activation that is linear around 0.",
        "S11.3",
        "Is half the outputs being zero the reason for the 2?",
        "It is the second moment that halves. The variance of relu's output is 0.341 of its "
        "input's, and GELU, which sets nothing to 0, needs 2.35.",
    ),
    Question(
        "What do residual connections solve?",
        "Degradation: deep plain networks train worse than shallow ones, though their gradients "
        "need not vanish. With a skip, the inputs of the upper layers stay distinct, and so do the "
        "gradients of nearby inputs.",
        "S11.4",
        "Does the identity guarantee that the gradient never vanishes?",
        "No. I + J is singular for F(x) = -x; and without a norm or a scale the signal doubles in "
        "each block, on the way forward.",
    ),
    Question(
        "Why are sigmoids bad in hidden layers?",
        "The slope is a quarter at most, so with ordinary weights the gradient falls to about a "
        "quarter in each layer; and the outputs are all positive.",
        "S11.5",
        "Then why are they in every LSTM?",
        "A gate is to say how much, between nothing and all. The path of the cell state does not "
        "go through the sigmoid's slope.",
    ),
    Question(
        "Forward or reverse mode?",
        "Forward mode takes a pass for each input, reverse mode a walk for each output. A loss is "
        "one output of many parameters: reverse.",
        "S11.6",
        "When is forward mode the better one?",
        "Few inputs and many outputs; and where memory is short, since it keeps no graph. Products "
        "of a Hessian and a vector take both, forward over reverse.",
    ),
    Question(
        "Why softmax with cross-entropy?",
        "It is the likelihood of a class, and the logarithm undoes the exponential: the gradient "
        "of the logits is p - y, which does not fade where the network is confidently wrong.",
        "S11.7",
        "Is softmax the canonical link?",
        "It is the inverse of it; the link of a Bernoulli is the logit. The general word for the "
        "pair is matching loss.",
    ),
    Question(
        "A network with one hidden layer is a universal approximator. What is the catch?",
        "It says that weights exist. The width may be exponential where depth would do with few "
        "units, and nothing is said of finding them or of new data.",
        "S11.8",
        "So deep networks learn such functions?",
        "They can represent them. Trained on the sawtooth of 64 pieces, a network with units to "
        "spare does hardly better than a constant.",
    ),
)


def ask(number: int) -> Question:
    """Return question 1 to 8.

    Raises
    ------
    IndexError
        If there is no such question.
    """
    if not 1 <= number <= len(QUESTIONS):
        raise IndexError(f"ask: there is no question {number}; they are numbered 1 to 8")
    return QUESTIONS[number - 1]


def oral() -> None:
    """Ask all eight in the terminal; 'q' ends."""
    for number, question in enumerate(QUESTIONS, start=1):
        pairs = (
            (f"\n{number}. {question.question}", question.answer),
            (question.follow_up, question.follow_up_answer),
        )
        for front, back in pairs:
            try:
                said = input(f"{front} [Enter] ")
            except (EOFError, KeyboardInterrupt):
                print()
                return
            if said.strip().lower() == "q":
                return
            print(f"  {back}")
