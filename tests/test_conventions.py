"""The house rules that no tool holds."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("recsys", "api", "training", "eval")
MODULES = {path.relative_to(ROOT).as_posix(): path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))}
TESTS = {path.relative_to(ROOT).as_posix(): path for path in sorted((ROOT / "tests").rglob("*.py"))}
FILES = MODULES | TESTS

MAX_LINES_OF_FILE = 400
MAX_LINES_OF_FUNCTION = 50
DEFINITIONS = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
MAX_MODULES_OF_FOLDER = {"recsys/models": 25}
OTHERS_MAX_MODULES = 15
QUESTIONS = {"what", "how", "who", "why", "which", "where", "whose", "whether", "when"}
VAGUE_NAMES = re.compile(r"^_?(told|asked|found|of|things?|one)$|^_?(told|asked)_|_(told|asked)$")
NOT_IN_SOURCE = {"api/fuzz"}  # folders of tests that stand for no folder of the source
EMPTY_WORDS = re.compile(r"(?<![a-z])(utils?|helpers?|managers?|misc|stuff)(?![a-z])")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

READS_ENVIRON = {
    "training/demo.py": "asks DEMO_ONCE, and hands its environment on to the service it starts",
    "recsys/config.py": "the one place where settings are read",
    "recsys/__init__.py": "sets the thread limits before a notebook loads NumPy through us",
    "recsys/cli/app.py": "sets the thread limits before NumPy loads",
    "recsys/cli/settings/command.py": "says which settings are those of variables",
    "api/app.py": "tells the settings of a worker where home is",
    "api/cli/context.py": "reads the settings of the service for its commands",
    "api/cli/listening.py": "sets the thread limits, and tells the workers where home is",
    "api/cli/serve.py": "shares the metrics of the workers",
    "api/console/__main__.py": "tells the settings of the console where home is, and knows the service that started it",
    "api/server/attached.py": "knows the process that started it",
    "api/routes/health.py": "reports thread limits that are wrong",
    "api/server/__main__.py": "hands its environment on to the workers it starts",
}
SQL = re.compile(r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE|CREATE|DROP|ALTER)\b")
SQL_PARTS = {  # no constants by name, but never anything a request holds
    "recsys/data/answer_log/answer_log.py": ("old", "unused"),  # conditions written two lines above
    "recsys/data/store/sqlite_user_index.py": ("columns", "table"),  # columns and tables of our own
    "recsys/data/store/people/held_texts.py": ("texts", "where"),  # columns of our own
    # tables and columns of our schema, question marks
    "training/backup/postgres_copy.py": ("marks", "name", "names", "replaced", "table"),
    "training/backup/log_copy.py": ("name",),  # of tables, from a constant
    "recsys/data/store/sqlite_bulk_insert.py": ("into", "','.join([row] * n_rows)"),  # a table, question marks
    "training/sources/postgres.py": (  # names and values quoted by psycopg, around the query of the shop's own operator
        "SQL('SELECT {} FROM ({}) AS new LIMIT 0').format(column, rows)",
        "SQL('SELECT * FROM {} LIMIT 0').format(source)",
        "SQL('SELECT ({})::text FROM ({}) AS new').format(lower, rows)",
        "SQL('SELECT * FROM {}').format(source)",
    ),
}
ZIPPED_STORES = {"savez", "savez_compressed", "save_npz", "load_npz"}
UNSAFE_STORES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def module_name(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


LAZY = {  # loaded by a command that has set its thread limits
    "api/cli/doctor.py",
    *(f"eval/cli/{name}.py" for name in ("backtest", "customers", "files", "presentation", "ratings", "reading")),
}
COMMANDS = [name for name in MODULES if "/cli/" in name and name not in LAZY]
LIGHT = [
    "recsys.threads",
    "recsys.errors",
    "recsys.atomic_file",
    "recsys.time_units",
    *(module_name(name) for name in COMMANDS),
]

# What a module does while it is imported, as seen by the interpreter itself.
WATCH = """
import contextlib, gc, importlib, json, logging, os, sys, threading
gc.disable()
sys.dont_write_bytecode = True
deeds, watching = [], False

def watch(event, args):
    if not watching:
        return
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        deeds.append(f"writes {args[0]}")
    elif event in ("socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir", "os.putenv", "os.chdir"):
        deeds.append(f"{event} {args[:1]}")

sys.addaudithook(watch)
names = json.loads(sys.argv[1])
for name in names[0]:  # what the libraries do is theirs; some of these names are members of modules
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
before = threading.active_count(), len(logging.root.handlers), dict(os.environ)
watching = True
for name in names[1]:
    importlib.import_module(name)
watching = False
after = threading.active_count(), len(logging.root.handlers), dict(os.environ)
for what, was, found in zip(("threads", "log handlers", "environment"), before, after):
    if was != found:
        deeds.append(f"changes {what}")
print(json.dumps(deeds))
"""

# Modules that load a heavy library, each named with what it was the first to load.
IMPORT_IN_TURN = """
import importlib, json, sys
heavy = {"numpy", "scipy", "polars", "faiss", "implicit", "fastapi", "pandas"}
loads = []
for name in json.loads(sys.argv[1]):
    before = heavy & set(sys.modules)
    importlib.import_module(name)
    loads += [f"{name} loads {library}" for library in sorted(heavy & set(sys.modules) - before)]
print(json.dumps(loads))
"""


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(), name)


@cache
def nodes(name: str) -> list[ast.AST]:
    """Everything in a module; of a file of tests its statements."""
    return list(ast.walk(tree(name)) if name in MODULES else statements(tree(name)))


def statements(above: ast.AST) -> Iterator[ast.AST]:
    """What may hold definitions: quicker than a walk through every expression."""
    for part in ("body", "handlers", "orelse", "finalbody", "cases"):
        for node in getattr(above, part, ()):
            yield node
            yield from statements(node)


def functions(name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in nodes(name) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def imported(name: str) -> set[str]:
    """Full names of what a file imports, members included."""
    found = set()
    for node in nodes(name):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


@cache
def attributes(name: str) -> set[str]:
    return {ast.unparse(node) for node in nodes(name) if isinstance(node, ast.Attribute)}


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_file_is_one_idea_and_not_long() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    assert {name: n for name, n in lines.items() if n > MAX_LINES_OF_FILE} == {}


def test_no_function_is_long() -> None:
    lines = {f"{name}:{f.name}": (f.end_lineno or f.lineno) - f.lineno + 1 for name in FILES for f in functions(name)}
    assert {name: n for name, n in lines.items() if n > MAX_LINES_OF_FUNCTION} == {}


def test_no_module_or_definition_has_a_name_that_says_nothing() -> None:
    names = {f"{name}:{node.name}" for name in MODULES for node in nodes(name) if isinstance(node, DEFINITIONS)}
    assert {name for name in names | set(MODULES) if EMPTY_WORDS.search(CAMEL.sub("_", name).lower())} == set()


def test_a_module_says_in_its_first_line_what_it_is() -> None:
    first = {name: (ast.get_docstring(tree(name)) or "").partition("\n")[0] for name in MODULES}
    assert {name: line for name, line in first.items() if len(line.split()) < 3} == {}


def test_a_module_begins_with_a_noun_not_with_a_question() -> None:
    words = {name: (ast.get_docstring(tree(name)) or "").split()[0].rstrip(",:'s").lower() for name in MODULES}
    assert {name: word for name, word in words.items() if word in QUESTIONS} == {}


def test_a_folder_is_a_room_and_not_crowded() -> None:
    modules = Counter(name.rpartition("/")[0] for name in MODULES if not name.endswith("__init__.py"))
    limits = {name: MAX_MODULES_OF_FOLDER.get(name, OTHERS_MAX_MODULES) for name in modules}
    assert {name: n for name, n in modules.items() if n > limits[name]} == {}


def test_a_class_name_means_one_class() -> None:
    """The client stands alone and mirrors names of the service."""
    files: dict[str, set[str]] = defaultdict(set)
    for name in MODULES:
        if not name.startswith("recsys/client/"):
            for node in nodes(name):
                if isinstance(node, ast.ClassDef):
                    files[node.name].add(name)
    assert {name: sorted(where) for name, where in files.items() if len(where) > 1} == {}


def test_a_name_says_what_it_holds() -> None:
    assert {f"{name}: {word}" for name in MODULES for word in names_given(name) if VAGUE_NAMES.search(word)} == set()


def names_given(name: str) -> Iterator[str]:
    """Every name a module gives to something: definitions, parameters, variables and attributes."""
    for node in nodes(name):
        if isinstance(node, DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_folders_of_tests_mirror_the_source() -> None:
    folders = {name.removeprefix("tests/").rpartition("/")[0] for name in TESTS if name.split("/")[1] in PACKAGES}
    source = {name.rpartition("/")[0] for name in MODULES}
    assert folders - source - NOT_IN_SOURCE == set()


def test_nothing_is_stored_in_a_way_that_runs_code_or_cannot_be_mapped() -> None:
    unsafe = {f"{name}: {word}" for name in MODULES for word in imported(name) if word.split(".")[0] in UNSAFE_STORES}
    unsafe |= {
        f"{name}: {word}" for name in MODULES for word in attributes(name) if word.split(".")[-1] in ZIPPED_STORES
    }
    unsafe |= {f"{name}: {ast.unparse(node)}" for name in MODULES for node in nodes(name) if allows_pickle(node)}
    assert unsafe == set()


def allows_pickle(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False"


def test_a_query_is_put_together_from_constants_only() -> None:
    found = {f"{name}: {part}" for name in MODULES for part in woven_into_sql(name)}
    assert found - {f"{name}: {part}" for name, parts in SQL_PARTS.items() for part in parts} == set()


def woven_into_sql(name: str) -> Iterator[str]:
    """What stands between braces in a query and is no constant: what customers send goes in as parameters only."""
    for node in nodes(name):
        if isinstance(node, ast.JoinedStr) and SQL.search(literal_text(node)):
            parts = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            yield from (ast.unparse(part) for part in parts if not is_constant(part))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            sides = [side.value for side in (node.left, node.right) if isinstance(side, ast.Constant)]
            yield from (str(side) for side in sides if isinstance(side, str) and SQL.search(side))
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith(".format")
            and SQL.search(ast.unparse(node.func))
        ):
            yield ast.unparse(node)


def literal_text(node: ast.JoinedStr) -> str:
    return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


def is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "', '.join":
        return all(is_constant(leaf) for leaf in ast.walk(node.args[0]) if isinstance(leaf, ast.Name))
    return isinstance(node, ast.Constant) or ast.unparse(node).rpartition(".")[2].isupper()


def test_only_the_settings_read_the_environment() -> None:
    asked = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
    readers = {name for name in MODULES if (attributes(name) | imported(name)) & asked}
    assert readers - set(READS_ENVIRON) == set()


def test_no_folder_of_tests_can_be_mistaken_for_a_package() -> None:
    assert [name for name in TESTS if name.endswith("__init__.py")] == []


def test_a_test_is_named_as_a_sentence() -> None:
    names = {f"{name}:{f.name}" for name in TESTS for f in functions(name) if f.name.startswith("test_")}
    assert {name for name in names if len(name.partition(":")[2].split("_")) < 4} == set()


def test_importing_any_module_does_nothing_else() -> None:
    ours = [module_name(name) for name in MODULES]
    libraries = {word for name in MODULES for word in imported(name) if word.split(".")[0] not in PACKAGES}
    found = run("-c", WATCH, json.dumps([sorted(libraries), ours]))
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == []


def test_the_command_line_answers_before_the_heavy_libraries_load() -> None:
    found = run("-c", IMPORT_IN_TURN, json.dumps(LIGHT))
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == []


def test_no_import_goes_against_the_floors() -> None:
    found = run("-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())")
    assert found.returncode == 0, found.stdout
