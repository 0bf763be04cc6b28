r"""Formulas as MathML, which browsers typeset without help: from the LaTeX that ops are written in.

It reads the part of LaTeX that formulas of ops and derivations use: scripts, ``\frac``, ``\sqrt``,
named functions, Greek letters, signs, ``\left(`` and ``aligned``. What it does not know it shows as
text, so that nothing is lost; all text is escaped.
"""

from __future__ import annotations

import html
import re

from .labels import plain

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)

_GREEK = {
    **dict(zip(("alpha", "beta", "gamma", "delta", "epsilon", "zeta"), "αβγδϵζ", strict=True)),
    **dict(zip(("eta", "theta", "iota", "kappa", "lambda", "mu", "nu"), "ηθικλμν", strict=True)),
    **dict(zip(("xi", "pi", "rho", "sigma", "tau", "phi", "chi"), "ξπρστϕχ", strict=True)),
    **dict(zip(("psi", "omega", "varepsilon", "varphi"), "ψωεφ", strict=True)),
    **dict(zip(("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi"), "ΓΔΘΛΞΠ", strict=True)),
    **dict(zip(("Sigma", "Phi", "Psi", "Omega"), "ΣΦΨΩ", strict=True)),
}
_LETTERS = {**_GREEK, "partial": "∂", "infty": "∞", "nabla": "∇", "ell": "\u2113"}
_SIGNS = {
    **{
        "odot": "⊙",
        "otimes": "⊗",
        "oplus": "⊕",
        "cdot": "⋅",
        "times": "\u00d7",
        "sum": "∑",
        "prod": "∏",
    },
    **{"ne": "≠", "neq": "≠", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "approx": "≈"},
    **{"star": "⋆", "ast": "\u2217", "circ": "∘", "pm": "±", "propto": "∝", "sim": "\u223c"},
    **{"land": "∧", "lor": "\u2228", "lnot": "¬", "leftarrow": "←", "to": "→", "in": "∈"},
    **{
        "langle": "⟨",
        "rangle": "⟩",
        "lfloor": "⌊",
        "rfloor": "⌋",
        "lceil": "⌈",
        "rceil": "⌉",
        "dots": "…",
        "bmod": "mod",
    },
    **{"vert": "|", "|": "‖", "{": "{", "}": "}", "_": "_", "%": "%", "&": "&", "#": "#"},
}
_FUNCTIONS = (
    *("log", "exp", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"),
    *("max", "min", "det", "lim", "sup", "inf", "arg"),
)
_BOLD = {ord("0") + i: chr(0x1D7CE + i) for i in range(10)}
_SPACES = {",": "0.17em", ";": "0.28em", ":": "0.22em", " ": "0.3em", "quad": "1em", "!": "0"}


def to_mathml(latex: str, *, block: bool = False) -> str:
    r"""Return a formula as a ``math`` element.

    Parameters
    ----------
    latex : str
    block : bool, default=False
        Whether it stands on a line of its own.

    Returns
    -------
    str

    Examples
    --------
    >>> print(to_mathml(r"\tanh {x}^2"))
    <math><mi>tanh</mi><mspace width="0.17em"/><msup><mi>x</mi><mn>2</mn></msup></math>
    """
    content = "".join(_Reader(plain(latex, 1 + len(latex))).atoms())
    return f'<math display="block">{content}</math>' if block else f"<math>{content}</math>"


class _Reader:
    """Reads tokens from the left."""

    def __init__(self, latex: str) -> None:
        self.tokens = _TOKEN.findall(latex)[::-1]  # the next one last
        self.end = ""

    def atoms(self, *ends: str) -> list[str]:
        """The elements up to one of the tokens `ends`, which is taken too and kept as `end`."""
        atoms: list[str] = []
        self.end = ""
        while self.tokens:
            token = self.tokens.pop()
            if token in ends:
                self.end = token
                break
            if token in ("^", "_"):
                base = atoms.pop() if atoms else "<mrow></mrow>"
                atoms.append(self.script(base, token))
            elif not token.isspace():
                atoms.append(self.atom(token))
        return atoms

    def script(self, base: str, token: str) -> str:
        script = self.argument()
        other = "_" if token == "^" else "^"
        if self.tokens and self.tokens[-1] == other:
            self.tokens.pop()
            low, high = (self.argument(), script) if token == "^" else (script, self.argument())
            return f"<msubsup>{base}{low}{high}</msubsup>"
        tag = "msup" if token == "^" else "msub"
        return f"<{tag}>{base}{script}</{tag}>"

    def argument(self) -> str:
        """The next group, or the next token by itself."""
        while self.tokens and self.tokens[-1].isspace():
            self.tokens.pop()
        return self.atom(self.tokens.pop()) if self.tokens else "<mrow></mrow>"

    def row(self, end: str) -> str:
        atoms = self.atoms(end)
        return atoms[0] if len(atoms) == 1 else f"<mrow>{''.join(atoms)}</mrow>"

    def words(self) -> str:
        """The next group as plain text."""
        if not self.tokens or self.tokens[-1] != "{":
            return self.tokens.pop() if self.tokens else ""
        self.tokens.pop()
        text = ""
        while self.tokens and (token := self.tokens.pop()) != "}":
            text += token.removeprefix("\\")
        return text

    def atom(self, token: str) -> str:
        if token == "{":
            return self.row("}")
        if token.startswith("\\"):
            return self.command(token[1:])
        text = html.escape(token)
        if token[0].isdigit():
            return f"<mn>{text}</mn>"
        if token.isalpha():
            return f"<mi>{text}</mi>"
        sign = {"-": "\u2212", "*": "\u2217"}.get(token, text)
        fence = ' stretchy="false"' if token in "()[]|" else ""
        return f"<mo{fence}>{sign}</mo>"

    def command(self, name: str) -> str:
        if name in ("frac", "tfrac"):
            return f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
        if name == "sqrt":
            if self.tokens and self.tokens[-1] == "[":
                self.tokens.pop()
                index = self.row("]")
                return f"<mroot>{self.argument()}{index}</mroot>"
            return f"<msqrt>{self.argument()}</msqrt>"
        if name in ("operatorname", "mathrm", "mathbf", "text"):
            text = html.escape(self.words())
            if name == "mathbf":
                return f"<mi>{text.translate(_BOLD)}</mi>"
            # a letter by itself would be slanted
            upright = ' mathvariant="normal"' if len(text) == 1 else ""
            space = self.space_after_name() if name == "operatorname" else ""
            return f"<mi{upright}>{text}</mi>{space}"
        if name in _FUNCTIONS:
            return f"<mi>{name}</mi>{self.space_after_name()}"
        if name in ("left", "right"):
            return f"<mo>{html.escape(self.words()).replace('.', '')}</mo>"
        if name == "begin":
            self.words()
            return self.table()
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}"/>'
        if name in _LETTERS:
            return f"<mi>{_LETTERS[name]}</mi>"
        if name in _SIGNS:
            return f"<mo>{html.escape(_SIGNS[name])}</mo>"
        return f"<mtext>{html.escape(name)}</mtext>"

    def space_after_name(self) -> str:
        rest = next((token for token in reversed(self.tokens) if not token.isspace()), "")
        return "" if rest in ("", "(", "^", "_", "}", "[") else '<mspace width="0.17em"/>'

    def table(self) -> str:
        r"""Rows of ``left &= right \\``, up to ``\end{aligned}``."""
        rows, cells = "", ""
        while self.tokens:
            atoms = self.atoms("&", "\\\\", "\\end")
            side = "left" if cells else "right"
            cells += f'<mtd style="text-align:{side}">{"".join(atoms)}</mtd>'
            if self.end != "&":
                rows, cells = f"{rows}<mtr>{cells}</mtr>", ""
            if self.end == "\\end":
                self.words()
                break
        return f'<mtable displaystyle="true">{rows}</mtable>'
