"""What holds for the package as a whole: its names, its imports, its layers, its sizes."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import kizu

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "kizu"
MODULES = sorted(SOURCE.rglob("*.py"))
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in MODULES}
LOOK_INSIDE = sorted(TREES)

PICKLES = {"pickle", "cPickle", "_pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
NETWORK = {"urllib.request", "http.client", "requests", "httpx", "ftplib", "smtplib", "telnetlib"}
MAX_FILE, MAX_FUNCTION, MEDIAN_FUNCTION = 300, 60, 10


def functions(tree):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [(node.name, node.end_lineno - node.lineno + 1) for node in ast.walk(tree) if isinstance(node, kinds)]


def imports(tree):
    """Every dotted name that `tree` imports, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


def calls(tree):
    """Every call as (dotted name, its keywords)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}


def run_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


# --- names


def test_public_names_are_written_three_times_and_agree():
    tree = TREES["src/kizu/__init__.py"]
    block = next(n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    for_checkers = {alias.asname: node.module for node in block.body for alias in node.names}
    assert for_checkers == kizu._HOME
    assert kizu.__all__ == sorted(kizu._HOME)


@pytest.mark.parametrize("name", kizu.__all__)
def test_public_names_can_be_imported(name):
    assert getattr(kizu, name).__module__ == kizu._HOME[name]
    assert name in dir(kizu)


def test_no_public_name_is_hidden_by_a_module_of_its_name():
    assert not {path.stem for path in SOURCE.iterdir()} & set(kizu.__all__)


def test_a_misspelt_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'kizu' has no attribute 'robust_pac'"):
        kizu.robust_pac  # noqa: B018


def test_version_is_the_one_installed():
    assert version("kizu") == kizu.__version__


# --- what is loaded

FIRST_PARTY = "{name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)"
EDITABLE = "{'__main__'} | {name for name in sys.modules if name.startswith(('__editable__', '_virtualenv'))}"


def loaded_by(code):
    start = f"import sys; before = {FIRST_PARTY} | {EDITABLE}; "
    return set(run_python(f"{start}\n{code}\nprint('\\n'.join({FIRST_PARTY} - before))"))


def test_importing_the_package_loads_nothing_else():
    assert loaded_by("import kizu") == {"kizu"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nope"]])
def test_the_door_loads_nothing_but_click(arguments):
    quiet = "import contextlib, io\nfrom kizu.cli import run\nwith contextlib.redirect_stdout(io.StringIO()):"
    assert loaded_by(f"{quiet} run({arguments!r})") == {"kizu", "click"}


# --- what may be imported


def test_imports_only_point_down():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "imports only point down KEPT" in done.stdout


@pytest.mark.parametrize("path", [path for path in LOOK_INSIDE if path != "src/kizu/__init__.py"])
def test_no_module_imports_the_package_itself(path):
    # The contract lets `kizu` import everything, so an import of `kizu` would be a way up.
    assert "kizu" not in set(imports(TREES[path]))


def test_every_folder_is_a_package():
    folders = {path.parent for path in MODULES}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_only_declared_dependencies_are_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project.get("optional-dependencies", {}).values()
    lines = [*project["dependencies"], *(line for extra in optional for line in extra)]
    declared = {re.split(r"[<>=]", line)[0] for line in lines}
    import_names = {
        "scikit-learn": "sklearn",
        "onnx-ir": "onnx_ir",
        "pillow": "PIL",
        "array-api-compat": "array_api_compat",
    }
    allowed = {import_names.get(name, name) for name in declared} | {"kizu"} | set(sys.stdlib_module_names)
    allowed.add("markupsafe")  # Jinja2 brings it and sends its users there for Markup
    used = {name.split(".")[0] for tree in TREES.values() for name in imports(tree)}
    assert used - allowed - {""} == set()


# --- what may not be there


@pytest.mark.parametrize("path", LOOK_INSIDE)
def test_nothing_can_run_what_a_file_says(path):
    tree = TREES[path]
    assert not {name.split(".")[0] for name in imports(tree)} & PICKLES
    for name, keywords in calls(tree):
        assert name not in {"eval", "exec", "os.system", "os.popen", "torch.load", "yaml.load"}
        assert keywords.get("allow_pickle", "False") == "False"
        assert keywords.get("shell", "False") == "False"


@pytest.mark.parametrize("path", LOOK_INSIDE)
def test_nothing_calls_out(path):
    assert not set(imports(TREES[path])) & NETWORK


@pytest.mark.parametrize("path", [path for path in LOOK_INSIDE if not path.startswith("src/kizu/cli/")])
def test_the_library_does_not_print(path):
    assert "print" not in {name for name, _ in calls(TREES[path])}


# --- sizes


@pytest.mark.parametrize("path", LOOK_INSIDE)
def test_files_and_functions_fit_on_a_screen(path):
    assert len((ROOT / path).read_text("utf-8").splitlines()) <= MAX_FILE
    assert [(name, lines) for name, lines in functions(TREES[path]) if lines > MAX_FUNCTION] == []


def test_the_median_function_is_short():
    sizes = sorted(lines for tree in TREES.values() for _, lines in functions(tree))
    assert sizes[len(sizes) // 2] <= MEDIAN_FUNCTION
