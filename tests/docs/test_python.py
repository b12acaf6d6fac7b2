"""Python in the documentation compiles, and what it imports of voicebot is there."""

from __future__ import annotations

import ast
import importlib

import pytest
from tests.docs.reading import Snippet, snippets


@pytest.mark.parametrize("snippet", snippets("python", "py"), ids=str)
def test_a_snippet_compiles_and_finds_what_it_imports(snippet: Snippet) -> None:
    tree = compile(
        snippet.text,
        str(snippet),
        "exec",
        ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "voicebot":
            module = importlib.import_module(node.module or "")
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "voicebot":
                    importlib.import_module(alias.name)
