"""Who may import whom, read off every import with ast."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {"autograd": {"nn", "viz"}, "nn": {"viz"}, "viz": {"nn"}}
ENGINE_MAY_IMPORT = {"numpy", "scipy", "autograd"}


def imports(path):
    """Yield (line, dotted name) of all that a file imports, relative names made absolute."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            for alias in node.names:
                yield node.lineno, ".".join(filter(None, (base, node.module, alias.name)))


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_import_only_downwards(package):
    assert sources(package)
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sources(package)
        for line, module in imports(path)
        if module.partition(".")[0] in FORBIDDEN[package]
    ]
    assert not wrong


def test_the_engine_imports_numpy_and_scipy_only():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sources("autograd")
        for line, module in imports(path)
        if module.partition(".")[0] not in ENGINE_MAY_IMPORT | sys.stdlib_module_names
    ]
    assert not wrong


@pytest.mark.parametrize("package", FORBIDDEN)
def test_modules_of_a_package_form_no_cycle(package):
    names = {}
    for path in sources(package):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    graph = {
        name: {
            module if module in names else module.rpartition(".")[0] for _, module in imports(path)
        }
        & (names.keys() - {name})
        for name, path in names.items()
    }
    while graph:
        free = [name for name, needs in graph.items() if not needs & graph.keys()]
        assert free, f"an import cycle among {sorted(graph)}"
        for name in free:
            del graph[name]


def test_imports_stand_at_module_level_in_the_engine():
    for path in sources("autograd"):
        tree = ast.parse(path.read_text())
        inner = [
            node.lineno
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert not inner, f"{path.name} imports late, in lines {inner}"
