"""The layers: who may import whom, what must run without PyMC, and what an import may cost."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import bayescompare
from tests.block_pymc import BLOCKED

ROOT = Path(bayescompare.__file__).parent
REPOSITORY = ROOT.parent

# A unit (a module or a package of bayescompare) and the units it may import. What is not named may not be imported;
# a new unit is entered here, in the place where it belongs.
ARRAYS = {"codes", "coordinates", "errors", "formatting", "metrics", "reasons", "results", "wording"}
RUN = ARRAYS | {"model", "templates", "methods"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "formatting": set(),
    "coordinates": set(),
    "codes": set(),
    "figure_wording": {"codes"},
    "wording": {"codes", "figure_wording", "formatting"},
    "reasons": {"codes", "wording"},
    "metrics": {"errors", "formatting", "metrics", "reasons"},
    "results": ARRAYS,
    "model": {"coordinates", "errors", "formatting", "model"},
    "templates": {"errors", "model", "templates"},
    "models": {"templates"},
    "methods": ARRAYS | {"model", "methods"},
    "report": ARRAYS | {"report"},
    "workflow": RUN | {"workflow"},
    "studies": RUN | {"workflow", "report", "studies"},
    "cli": RUN | {"", "workflow", "report", "studies", "cli"},
    "__main__": {"cli"},
    "": set(),
}
# What is imported when a method is called, where that is only a door.
MAY_IMPORT_LATER: dict[str, set[str]] = {
    "results": {"report"},
    "": set(MAY_IMPORT),
}
# Methods of a comparison that open what stands above it, when they are called.
DOORS = {("results.comparison", name) for name in ("report", "report.plotting", "results.storage", "results.datatree")}
DOORS |= {("results.draws", "report"), ("results.fit", "results.datatree")}
WITHOUT_PYMC = (
    *("codes", "coordinates", "errors", "figure_wording", "formatting"),
    *("metrics", "reasons", "results", "report", "wording"),
)


@dataclass(frozen=True)
class Import:
    """One import statement: who, whom (a dotted name within the package, or another package's), where, and when."""

    importer: str
    imported: str
    line: int
    ours: bool
    lazy: bool
    typing_only: bool


def modules() -> dict[str, Path]:
    """Every module of the package by its name within it; the package's own ``__init__`` is ``""``."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


class Collector(ast.NodeVisitor):
    """The imports of one module."""

    def __init__(self, module: str, path: Path, names: set[str]) -> None:
        self.module = module
        self.package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
        self.names = names
        self.depth = 0
        self.typing_only = False
        self.found: list[Import] = []

    def add(self, dotted: str, line: int) -> None:
        ours = dotted == ROOT.name or dotted.startswith(f"{ROOT.name}.")
        name = dotted.removeprefix(ROOT.name).removeprefix(".") if ours else dotted
        while ours and name not in self.names:  # from .module import thing
            name = name.rpartition(".")[0]
        self.found.append(Import(self.module, name, line, ours, self.depth > 0, self.typing_only))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = [] if node.level == 0 else [ROOT.name, *filter(None, self.package)]
        base = base[: len(base) - node.level + 1] if node.level else base
        source = ".".join([*base, *filter(None, [node.module])])
        for alias in node.names:
            self.add(f"{source}.{alias.name}", node.lineno)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        before = self.typing_only
        self.typing_only = before or ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        for child in node.body:
            self.visit(child)
        self.typing_only = before
        for child in node.orelse:
            self.visit(child)


def collect(module: str, path: Path, names: set[str]) -> list[Import]:
    collector = Collector(module, path, names)
    collector.visit(ast.parse(path.read_text(encoding="utf-8")))
    return collector.found


def imports() -> list[Import]:
    found = modules()
    return [each for module, path in found.items() for each in collect(module, path, set(found))]


def unit(module: str) -> str:
    """The unit a module belongs to: the longest entry of the table that begins its name."""
    parts = module.split(".")
    heads = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((head for head in heads if head in MAY_IMPORT), "?" if module else "")


def back_arrows(found: list[Import]) -> list[str]:
    wrong = []
    for each in found:
        importer, imported = unit(each.importer), unit(each.imported)
        allowed = MAY_IMPORT.get(importer, set())
        if each.lazy or each.typing_only:
            allowed = allowed | MAY_IMPORT_LATER.get(importer, set())
        if each.ours and each.importer != each.imported and imported not in allowed:
            wrong.append(f"{each.importer or '__init__'}, line {each.line}: imports {each.imported or '__init__'}")
    return wrong


def test_every_module_has_a_place_in_the_table() -> None:
    assert [module for module in modules() if unit(module) == "?"] == []


def test_imports_point_one_way() -> None:
    assert back_arrows(imports()) == []


def test_the_import_graph_has_no_cycle() -> None:
    """Imports within functions and for types count, but for the one door (docs/decisions/0011-layout.md)."""
    graph: dict[str, set[str]] = {module: set() for module in modules()}
    for each in imports():
        door = each.lazy and (each.importer, each.imported) in DOORS
        if each.ours and not door and each.importer != each.imported:
            graph[each.importer].add(each.imported)
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, with the cycle


def test_every_module_is_what_its_path_says() -> None:
    """``import bayescompare.a.b as m`` gives the module, also once every public name has been used."""
    names = [f"{ROOT.name}.{name}" for name in modules() if name and not name.endswith("__main__")]
    lines = "\n".join(f"import {name} as m; found.append(m)" for name in names)
    code = f"""
import sys
import bayescompare
found = []
for name in bayescompare.__all__:
    getattr(bayescompare, name)
{lines}
print([name for name, m in zip({names}, found) if m is not sys.modules[name]])
"""
    assert run_python(code) == "[]"


def test_no_package_defines_the_name_of_one_of_its_modules() -> None:
    found = modules()
    wrong = []
    for module, path in found.items():
        if path.name == "__init__.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            wrong += [f"{module}.{name}" for name in defined if f"{module}.{name}".removeprefix(".") in found]
    assert wrong == []


def test_array_layer_and_report_name_no_sampler_or_compiler() -> None:
    wrong = [
        f"{each.importer}, line {each.line}: {each.imported}"
        for each in imports()
        if unit(each.importer).startswith(WITHOUT_PYMC) and each.imported.partition(".")[0] in BLOCKED
    ]
    assert wrong == []


def test_no_library_module_prints_or_asserts() -> None:
    wrong = []
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            prints = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            if (prints and not module.startswith("cli")) or isinstance(node, ast.Assert):
                wrong.append(f"{module}, line {getattr(node, 'lineno', 0)}: {ast.unparse(node)[:60]}")
    assert wrong == []


#: The files that know the private side of other packages.
INTERNALS = {"model.pymc_internals", "methods.nutpie_internals"}

#: Modules of PyMC, PyTensor, nutpie, JAX and ArviZ that are documented; what others hold may move without notice.
PUBLIC = {
    *("pymc", "nutpie", "jax", "jax.numpy", "jax.scipy.linalg", "jax.extend.core"),
    *("arviz_base", "arviz_base.labels", "arviz_plots", "arviz_stats", "arviz_stats.base"),
    *("pytensor", "pytensor.gradient", "pytensor.raise_op", "pytensor.scan.op"),
    *("pytensor.compile.mode", "pytensor.compile.ops", "pytensor.compile.sharedvalue"),
    *(f"pytensor.graph.{name}" for name in ("basic", "fg", "op", "replace", "traversal")),
    *("pytensor.graph.rewriting.basic", "pytensor.graph.rewriting.utils", "pytensor.scalar", "pytensor.scalar.basic"),
    *("pytensor.tensor", "pytensor.tensor.linalg.solvers.triangular", "pytensor.tensor.random.op"),
    *(f"pytensor.tensor.{name}" for name in ("basic", "blockwise", "elemwise", "math", "shape", "sort", "type")),
    "pytensor.tensor.subtensor",
}
HOUSES = {"arviz", "arviz_stats", *(name.partition(".")[0] for name in PUBLIC)}

#: Of the standard library: they begin with an underscore and are documented.
DOCUMENTED = {"_replace", "_exit"}


def own_names() -> set[str]:
    """Names with a leading underscore that the package itself gives to something."""
    found = set()
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return found


def private_names(tree: ast.AST, own: set[str]) -> list[str]:
    """Where a file names what belongs to the private side of another package."""
    wrong = []
    for node in ast.walk(tree):
        names, sources = [], []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.keyword) and node.arg:
            names = [node.arg]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "hasattr", "setattr"}:
            names = [ast.literal_eval(arg) for arg in node.args[1:2] if isinstance(arg, ast.Constant)]
        elif isinstance(node, ast.Import):
            sources = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            sources, names = [str(node.module)], [alias.name for alias in node.names]
        hidden = [n for n in names if n.startswith("_") and not n.startswith("__") and n not in own | DOCUMENTED]
        wrong += hidden + [s for s in sources if s.partition(".")[0] in HOUSES and s not in PUBLIC]
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith(MODULES_BY_ATTRIBUTE):
            wrong.append(ast.unparse(node))
    return wrong


#: Modules that are reached as an attribute of their package, without an import of their own.
MODULES_BY_ATTRIBUTE = ("pm.logprob.", "pm.distributions.", "pm.pytensorf.", "pm.model.", "pm.initial_point.")


def test_one_file_a_package_knows_the_private_side_of_others() -> None:
    own = own_names()
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in modules().items()}
    wrong = {module: private_names(tree, own) for module, tree in trees.items() if module not in INTERNALS}
    assert {module: names for module, names in wrong.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("from pymc.logprob.utils import ParameterValueError", True),
        ("import pytensor.link.jax.dispatch", True),
        ("from jax._src import core", True),
        ("from pymc import _something", True),
        ("def f(model):\n    return model._parent", True),
        ("getattr(op, '_print_name', None)", True),
        ("replace(compiled, _coords={})", True),
        ("pm.logprob.utils.check", True),
        ("import pytensor.tensor as pt", False),
        ("from pymc import logp", False),
        ("state._replace(done=True)", False),
        ("self._mine", False),
        ("x.__class__", False),
    ],
)
def test_the_test_sees_private_names(source: str, caught: bool) -> None:
    assert bool(private_names(ast.parse(source), {"_mine"})) is caught


@pytest.mark.parametrize(
    ("module", "source", "caught"),
    [
        ("metrics.table", "from ..model.problem import Problem", True),
        ("metrics.table", "from bayescompare.model import problem", True),
        ("metrics.table", "import bayescompare.workflow", True),
        ("metrics.table", "from ..report import html", True),
        ("metrics.table", "def f():\n    from ..report import html", True),
        ("metrics.table", "from .verdict import Layer", False),
        ("results.comparison", "from ..report import html", True),
        ("results.comparison", "def f():\n    from ..report import html", False),
        ("results.comparison", "from .fit import Fit", False),
        ("results.comparison", "from ..methods.mode import fit", True),
        ("model.problem", "from ..results.fit import Status", True),
        ("model.problem", "from ..methods import mode", True),
        ("methods.mode", "from ..model.density import Density", False),
        ("report.html", "from ..workflow import compare", True),
        ("templates.registry", "import bayescompare.cli", True),
        ("workflow.compare", "from . import triage", False),
        ("errors", "from . import templates", True),
    ],
)
def test_the_test_sees_what_it_should(tmp_path: Path, module: str, source: str, caught: bool) -> None:
    path = tmp_path / "module.py"
    path.write_text(source, encoding="utf-8")
    names = set(modules())
    assert bool(back_arrows(collect(module, path, names))) is caught


def run_python(code: str, *, block: bool = False) -> str:
    """What a fresh interpreter prints; with ``block``, one where PyMC is not installed."""
    code = f"import tests.block_pymc\ntests.block_pymc.pytest_configure()\n{code}" if block else code
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_array_layer_and_report_import_without_pymc() -> None:
    names = [f"bayescompare.{name}" for name in modules() if name and unit(name).startswith(WITHOUT_PYMC)]
    code = f"import importlib\nfor name in {names}: importlib.import_module(name)\nprint('done')"
    assert run_python(code, block=True) == "done"


def test_the_blocker_blocks() -> None:
    code = "try:\n    import pymc\nexcept ModuleNotFoundError:\n    print('blocked')"
    assert run_python(code, block=True) == "blocked"


def test_array_layer_passes_its_tests_without_pymc() -> None:
    command = [sys.executable, "-m", "pytest", "tests/metrics", "-q", "-p", "tests.block_pymc", "-m", "not slow"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_public_list_is_sorted_and_true() -> None:
    assert bayescompare.__all__ == sorted(bayescompare.__all__)
    assert set(bayescompare.__all__) <= set(dir(bayescompare))
    for name in bayescompare.__all__:
        thing = getattr(bayescompare, name)
        assert name.startswith("_") or getattr(thing, "__module__", "bayescompare").startswith("bayescompare"), name
    with pytest.raises(AttributeError):
        _ = bayescompare.no_such_name


HEAVY = ("pymc", "pytensor", "nutpie", "jax", "numba", "arviz", "arviz_stats", "pandas", "xarray", "scipy", "numpy")


def test_import_has_no_side_effects() -> None:
    code = f"""
import logging, os, sys, threading, warnings
environment, filters = dict(os.environ), list(warnings.filters)
handlers, threads, path = list(logging.getLogger().handlers), threading.active_count(), list(sys.path)
import bayescompare
assert dict(os.environ) == environment
assert list(warnings.filters) == filters
assert logging.getLogger().handlers == handlers
assert threading.active_count() == threads
assert sys.path == path
print(sorted(set({HEAVY}) & set(sys.modules)))
"""
    assert run_python(code) == "[]"


def test_sampling_loads_no_plots_and_arviz_is_whole_afterwards() -> None:
    code = """
import sys
from bayescompare.methods.nutpie_internals import engine
nutpie = engine()
print(sorted({"arviz", "arviz_plots", "matplotlib"} & set(sys.modules)))
import arviz
assert nutpie.sample.__globals__["arviz"].from_dict is arviz.from_dict
assert arviz.plot_dist
"""
    assert run_python(code) == "[]"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["compare", "--help"], ["fit", "--help"], ["check", "--help"], ["study", "--help"]],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import contextlib, io, sys
sys.argv = ["bayescompare", *{arguments}]
from bayescompare.cli import main
code = 0
with contextlib.redirect_stdout(io.StringIO()) as out:
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
assert code == 0, code
assert "bayescompare" in out.getvalue()
print(sorted(set({HEAVY}) & set(sys.modules)))
"""
    assert run_python(code) == "[]"
