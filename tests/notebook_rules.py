"""Rules of the notebooks: functions of a notebook (the parsed JSON) that return what breaks the rule."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from source_rules import text_arguments, texts_not_literal

Notebook = dict[str, Any]
Rule = Callable[[Notebook], list[str]]

MAX_LINES = 15
MEDIAN_LINES = 4
MAX_CODE_CELLS_IN_A_ROW = 5
PARAMETER = re.compile(r"(?P<name>[a-z]\w*): (?P<type>str|int|float|bool) = (?P<value>.+?)  # \S.*")
# A share, a p-value, a sample size or an amount in prose was copied from a result; "95 % interval" is a method.
TYPED_FINDING = re.compile(
    r"(?!\b95\s?% (?:confidence |simultaneous )?(?:intervals?|limits?|bands?|range))\b\d[\d.,]*\s?%"
    r"|\bp\s?[=<>]\s?0?\.\d|\bn\s?=\s?\d|[€$£]\s?\d|\d\s?[€£]"
)
WORD = re.compile(r"[^\W\d_]\w+")  # a name with underscores is one word
FORBIDDEN_CALLS = {"print", "display", "filterwarnings", "simplefilter", "eval", "exec"}


def code_of(cell: dict[str, Any]) -> str:
    """Source of a cell without IPython magics."""
    lines = "".join(cell["source"]).splitlines()
    return "\n".join("pass" if line.startswith(("%", "!")) else line for line in lines)


def tags(cell: dict[str, Any]) -> set[str]:
    """Tags of a cell."""
    return set(cell["metadata"].get("tags", ()))


def cells(notebook: Notebook, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(index, cell) of all cells of a kind."""
    return ((index, cell) for index, cell in enumerate(notebook["cells"]) if cell["cell_type"] == kind)


def trees(notebook: Notebook) -> Iterator[tuple[int, ast.Module]]:
    """(index, syntax tree) of the code cells."""
    return ((index, ast.parse(code_of(cell))) for index, cell in cells(notebook, "code"))


def parameters(notebook: Notebook) -> list[str]:
    """One `parameters` cell, the second; one annotated literal a line, with a comment, as papermill reads them."""
    tagged = [index for index, cell in cells(notebook, "code") if "parameters" in tags(cell)]
    if tagged != [1]:
        return [f"cells tagged parameters: {tagged}; it must be cell 1 alone"]
    lines = "".join(notebook["cells"][1]["source"]).splitlines()
    wrong = [f"parameter line: {line}" for line in lines if not is_parameter(line)]
    return wrong if any(line.startswith("dataset: str") for line in lines) else [*wrong, "no parameter dataset: str"]


def is_parameter(line: str) -> bool:
    """``name: type = literal  # comment`` with one = and one #: papermill misreads others."""
    match = PARAMETER.fullmatch(line)
    if not match or line.count("=") != 1 or line.count("#") != 1:
        return False
    try:
        value = ast.literal_eval(match["value"])
    except (ValueError, SyntaxError):
        return False
    return type(value).__name__ == match["type"]


def no_definitions(notebook: Notebook) -> list[str]:
    """Functions and classes live in the package."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [f"cell {index} defines something" for index, tree in trees(notebook) if any_node(tree, kinds)]


def any_node(tree: ast.AST, kinds: Any) -> bool:
    """Whether a node of one of these kinds is in the tree."""
    return any(isinstance(node, kinds) for node in ast.walk(tree))


def short_cells(notebook: Notebook) -> list[str]:
    """No code cell over 15 lines, half of them at most 4."""
    lengths = {i: sum(bool(line.strip()) for line in code_of(cell).splitlines()) for i, cell in cells(notebook, "code")}
    wrong = [f"cell {index} has {length} lines" for index, length in lengths.items() if length > MAX_LINES]
    middle = median(lengths.values()) if lengths else 0
    return wrong if middle <= MEDIAN_LINES else [*wrong, f"median cell has {middle:g} lines"]


def more_prose_than_code(notebook: Notebook) -> list[str]:
    """At least as many words of prose as names in the code, and prose before every sixth code cell in a row."""
    prose = sum(len(WORD.findall("".join(cell["source"]))) for _index, cell in cells(notebook, "markdown"))
    code = sum(len(WORD.findall(without_texts(code_of(cell)))) for _index, cell in cells(notebook, "code"))
    wrong = [] if prose >= code else [f"{prose} words of prose for {code} words of code"]
    order = "".join(cell["cell_type"][0] for cell in notebook["cells"])
    run = max(map(len, re.findall("c+", order)), default=0)
    if not order.startswith("m"):
        wrong.append("the first cell must be prose: the question and the decision it serves")
    return wrong if run <= MAX_CODE_CELLS_IN_A_ROW else [*wrong, f"{run} code cells without prose between them"]


def without_texts(code: str) -> str:
    """Code without strings and comments: templates and captions are neither code nor explanation."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return " ".join(token.string for token in tokens if token.type == tokenize.NAME)


def outputs_only_where_checked(notebook: Notebook) -> list[str]:
    """A compared cell keeps its output and its count (nbval skips it silently otherwise); the others hold none."""
    wrong = []
    for index, cell in cells(notebook, "code"):
        checked = "nbval-check-output" in tags(cell)
        if checked != ("keep_output" in tags(cell)):
            wrong.append(f"cell {index}: nbval-check-output and keep_output go together")
        if checked and not (cell["outputs"] and cell["execution_count"]):
            wrong.append(f"cell {index} is compared, but has no stored output or no execution count")
        if not checked and cell["outputs"]:
            wrong.append(f"cell {index} has outputs; run nbstripout")
    return wrong


def something_checked(notebook: Notebook) -> list[str]:
    """At least one stored table is compared."""
    found = any("nbval-check-output" in tags(cell) for _index, cell in cells(notebook, "code"))
    return [] if found else ["no cell is tagged nbval-check-output"]


def literal_texts(notebook: Notebook) -> list[str]:
    """Captions, labels, alternative texts and findings are literal templates, so that they can be translated."""
    return [
        f"cell {index}: {text} is not a literal template"
        for index, cell in cells(notebook, "code")
        for _line, text in texts_not_literal(code_of(cell))
    ]


def texts_present(notebook: Notebook) -> list[str]:
    """Every table has a caption, every figure an alternative text, and neither is empty."""
    wrong = []
    for index, tree in trees(notebook):
        for name, call in report_calls(tree):
            if name in {"show", "figure"}:
                texts = list(text_arguments(call))
                if not texts or any(isinstance(text, ast.Constant) and not text.value for text in texts):
                    wrong.append(f"cell {index}: report.{name} needs its caption or alternative text")
    return wrong


def report_calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """(name, call) of every ``report.name(...)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "report":
                yield node.func.attr, node


def nothing_beside_report(notebook: Notebook) -> list[str]:
    """Tables and figures go through `report`; no warning is silenced, no row printed, no input asserted."""
    wrong = []
    for index, tree in trees(notebook):
        called = {name_of(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        wrong += [f"cell {index} calls {name}" for name in sorted(called & FORBIDDEN_CALLS)]
        if any_node(tree, ast.Assert | ast.Try):
            wrong.append(f"cell {index} has assert or try")
    return wrong


def name_of(function: ast.expr) -> str:
    """Last part of a called name."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def ends_with_provenance(notebook: Notebook) -> list[str]:
    """The last code cell gives parameters, data fingerprint and versions."""
    last = [code_of(cell) for _index, cell in cells(notebook, "code")][-1:]
    return [] if last and "report.provenance(" in last[0] else ["the last code cell must call report.provenance()"]


def no_typed_findings(notebook: Notebook) -> list[str]:
    """Results are generated from the data, never typed into prose."""
    return [
        f"cell {index}: {match[0]!r} looks like a typed finding"
        for index, cell in cells(notebook, "markdown")
        for match in TYPED_FINDING.finditer("".join(cell["source"]))
    ]


def clean_metadata(notebook: Notebook) -> list[str]:
    """The kernel is the environment's own, the format has cell ids, and they are unique."""
    wrong = []
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        wrong.append("the kernel must be python3")
    if (notebook["nbformat"], notebook["nbformat_minor"]) < (4, 5):
        wrong.append("the format must be 4.5 or later, with cell ids")
    ids = [cell.get("id", "") for cell in notebook["cells"]]
    if "" in ids or len(set(ids)) < len(ids):
        wrong.append("every cell needs an id of its own")
    return wrong


RULES: tuple[Rule, ...] = (
    parameters,
    no_definitions,
    short_cells,
    more_prose_than_code,
    outputs_only_where_checked,
    something_checked,
    literal_texts,
    texts_present,
    nothing_beside_report,
    ends_with_provenance,
    no_typed_findings,
    clean_metadata,
)
