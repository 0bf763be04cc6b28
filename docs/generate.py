"""Write docs/ops.md, the table of ops, from the ops themselves: `make docs`."""

from pathlib import Path

from autograd import Op, op_table

TARGET = Path(__file__).parent / "ops.md"

HEAD = """# The ops

Written by `make docs` from the records in `autograd/ops`; a test fails when this page is stale.

An op of the kind *elementwise*, *linear*, *multilinear* or *reduction* has its forward mode from
that word; one of the kind *other* brings a jvp rule, or a reference composed of other ops. Second
derivatives run the vjp rules on tensors, or differentiate the reference. *Reads* says which values
the rules need kept: inputs by name, `out` for the result. Every op keeps float16, float32 and
float64, but those that LAPACK computes, which has no float16.

| op | inputs | parameters | kind | forward mode | second order | reads | formula |
|---|---|---|---|---|---|---|---|
"""


def row(op: Op) -> str:
    """Return the line of one op."""
    inputs = op.input_names or ("any number",)
    reads = [name for i, name in enumerate(inputs) if op.reads(i)]
    if op.reads("out"):
        reads.append("out")
    if op.shared is not None:
        reads.append("what its forward saved")
    if not op.differentiable:
        forward = second = "no derivative"
    else:
        named = {True: "jvp rule", False: "reference" if op.kind == "other" else "by kind"}
        forward = named[op.jvp is not None]
        second = "reference" if op.shared is not None else "rules"
    formula = op.latex.format(*(op.input_names or "xyz"), *"xyz").replace("|", r"\vert ")
    cells = (
        f"`{op.name}`",
        ", ".join(inputs),
        ", ".join(op.param_names),
        op.kind,
        forward,
        second,
        ", ".join(reads),
        f"${formula}$",
    )
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(row(op) for _, op in sorted(op_table().items())) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
