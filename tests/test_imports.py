"""The floors of the house: imports point downward only, and nothing heavy is imported unasked."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import script

LIBRARY = Path(__file__).parents[1] / "minigen"

# From the bottom up, as the architecture page shows them; those of one line stand beside each other and do not know each other.
CHAPTER, FRAMEWORK = (rooms[::-1] for rooms in script("house").floors().values())
FLOORS = FRAMEWORK + CHAPTER
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}

# What in the framework's rooms is the chapter's: only their front doors, and what is named here itself, know it.
GAMES = ("losses.adversarial", "losses.penalties", "training.gans")

# Modules that are imported by name when somebody asks for them.
BY_NAME = {
    ("data.registry", "synthetic"): "a data set is asked for by its name; nothing that is below it knows it",
    ("ops", "compiled"): "whoever imports the ops has their other half too",
}


def files() -> list[Path]:
    """All source files of the library."""
    return sorted(LIBRARY.rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name below minigen: "engine.tensor"; a package is its __init__."""
    parts = path.relative_to(LIBRARY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_of(path): path for path in files()}


def imports(path: Path) -> list[str]:
    """The module of minigen that is imported, for each import of a file; also inside functions."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path.name}:{child.lineno}: imports in minigen are absolute"
                found.extend(target for alias in child.names for target in targets(child.module, alias.name))
            elif isinstance(child, ast.Import):
                found.extend(target for alias in child.names for target in targets(alias.name, ""))
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue  # read by type checkers only
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def named(path: Path) -> set[str]:
    """The modules of minigen that a file names in texts, "minigen.synthetic.glyphs:load", to import them later."""
    texts = (node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant))
    return {text[8:].split(":")[0] for text in texts if isinstance(text, str) and re.fullmatch(r"minigen(\.\w+)+:\w+", text)}


def targets(module: str, name: str) -> list[str]:
    """The module that `from module import name` needs, as a name below minigen; nothing if it is not minigen's."""
    if module.split(".")[0] != "minigen":
        return []
    below = module.removeprefix("minigen").lstrip(".")
    inner = f"{below}.{name}".strip(".")
    return [inner if inner in MODULES else below or "__init__"]


def room(module: str) -> str:
    """The first part of a module's name: "autograd"."""
    return module.split(".")[0]


def test_every_module_has_a_floor():
    assert {room(module) for module in MODULES} == set(FLOOR), "a new package: enter its floor in docs/architecture.md"


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module):
    for target in imports(MODULES[module]):
        here, there = room(module), room(target)
        assert here == there or FLOOR[there] < FLOOR[here], f"minigen.{module} imports minigen.{target}, which is not below it"


def test_what_is_imported_by_name_is_said():
    assert {(module, room(target)) for module, path in MODULES.items() for target in named(path)} == set(BY_NAME)
    assert all(target in MODULES for path in MODULES.values() for target in named(path))


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in sum(FRAMEWORK, [])])
def test_the_framework_knows_no_games(module):
    """Fitting, callbacks and checkpoints, as all rooms below them, do without the losses, penalties and trainers of GANs."""
    if module == room(module) or module.startswith(GAMES):
        return
    known = [target for target in imports(MODULES[module]) if target.startswith(GAMES)]
    assert not known, f"minigen.{module} is of the framework, and imports {known}"


def test_a_tensor_has_its_operators_whatever_was_imported_first():
    code = "from minigen.autograd import Tensor; print(float((Tensor([3.0]) * 2).tanh().sum()) < 1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=LIBRARY.parent)
    assert done.stdout.strip() == "True", done.stderr


ENGINE = ("engine", "ops", "compiled", "autograd")


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) not in ENGINE])
def test_nobody_reaches_into_the_engine(module):
    """Tensors, and what makes and unwraps them, come from minigen.autograd; their arrays are changed by their methods."""
    assert not {target for target in imports(MODULES[module]) if room(target) == "engine"}
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            written = isinstance(node.ctx, (ast.Store, ast.Del))
            assert node.attr != "_data" and not (written and node.attr in ("version", "inputs", "attributes")), ast.unparse(node)


@pytest.mark.parametrize("package", sorted({"__init__", *(module.rpartition(".")[0] for module in MODULES)} - {""}))
def test_no_name_of_a_package_hides_one_of_its_modules(package):
    """`from minigen.autograd import x` and `import minigen.autograd.x` must not find two things."""
    dotted = "minigen" if package == "__init__" else f"minigen.{package}"
    found = importlib.import_module(dotted)
    for name in [part.name for part in pkgutil.iter_modules(found.__path__)]:
        if hasattr(found, name):
            assert getattr(found, name) is sys.modules.get(f"{dotted}.{name}"), f"{dotted}.{name} is not the module"


def test_importing_minigen_alone_does_not_import_numpy():
    """`minigen --help` is to answer at once."""
    code = "import sys, minigen; assert 'numpy' not in sys.modules; minigen.tanh; assert 'numpy' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=LIBRARY.parent)


def test_modules_of_one_floor_form_no_circle():
    """Not even one that an import inside a function closes."""
    arrows = {module: {target for target in imports(path) if target != module} for module, path in MODULES.items()}
    for module in MODULES:  # importing a module runs its package's __init__ too, but that is always half done before
        arrows[module].discard(room(module))
    done, walking = set(), []

    def walk(module: str) -> None:
        if module in done or module not in arrows:
            return
        assert module not in walking, "a circle of imports: " + " -> ".join([*walking[walking.index(module) :], module])
        walking.append(module)
        for target in sorted(arrows[module]):
            walk(target)
        walking.pop()
        done.add(module)

    for module in arrows:
        walk(module)


def test_only_one_file_imports_cupy():
    importers = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module])
        if name.split(".")[0] == "cupy"
    }
    assert importers == {"backend.cuda"}


def test_importing_minigen_imports_nothing_heavy():
    code = "import sys, numpy, numpy.random; before = set(sys.modules); import minigen; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=LIBRARY.parent)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "minigen" in loaded, done.stderr
    assert not loaded & {"cupy", "matplotlib", "torch", "tqdm", "scipy", "PIL", "unittest", "asyncio"}, sorted(loaded)
    third_party = {name for name in loaded if name not in sys.stdlib_module_names and name != "numpy"}
    assert third_party == {"minigen"}


def test_the_engine_can_be_read_in_one_sitting():
    engine = ["tensor.py", "operation.py", "backward.py"]
    lines = sum(len((LIBRARY / "engine" / name).read_text(encoding="utf-8").splitlines()) for name in engine)
    assert lines < 450, f"{' + '.join(engine)} have {lines} lines"


@pytest.mark.parametrize("module", MODULES)
def test_no_file_passes_400_lines(module):
    lines = MODULES[module].read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400, f"{module} has {len(lines)} lines"
