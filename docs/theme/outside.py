"""What pages link to outside of docs/ becomes part of the site.

In a checkout `../configs/prod.yaml` leads to that file. In the site it leads to a page that shows it; a Markdown file
is a page of its own. So every link works in both, and the site needs no address of a repository. A link that shows no
more than a page's file name shows its title.

In `nav`, a pattern such as `plugins/*/README.md` stands for all files that it matches.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from pygments.lexers import find_lexer_class_for_filename  # type: ignore[import-untyped]

LINK = re.compile(r"(?P<text>\[[\w./-]+\.md\]|\])\((?![a-z]+:|/)(?P<path>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
SHOWN = """\
---
title: {name}
search:
  exclude: true
---

# `{name}`

`````{language}
{text}
`````
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    root = _root(config)
    for group in config.nav or []:
        for entries in group.values():
            for entry in entries:
                for title, pattern in entry.items() if isinstance(entry, dict) else ():
                    if "*" in pattern:
                        entry[title] = sorted(
                            file.relative_to(root).as_posix() for file in root.glob(pattern)
                        )
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what `nav` names and what pages link to, then what those link to."""
    root = _root(config)
    waiting = [root / name for name in re.findall(r"'([^']+\.md)'", str(config.nav))]
    waiting += [root / "docs" / file.src_uri for file in files.documentation_pages()]
    seen: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        if files.get_file_from_path(_uri(file, root)) is None:
            files.append(_page(file, root, config))
        if file.suffix == ".md":
            links = (
                _target(file, match["path"], root)
                for match in LINK.finditer(file.read_text(encoding="utf-8"))
            )
            waiting += [target for target in links if target is not None]
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files into links between pages."""
    root = _root(config)
    here = page.file.src_uri
    file = next((place / here for place in (root / "docs", root) if (place / here).is_file()), None)
    if file is None:
        return markdown

    def turned(match: re.Match[str]) -> str:
        target = _target(file, match["path"], root)
        if target is None:
            return match[0]
        text = match["text"]
        if text != "]":
            heading = re.search(r"^# (.+)$", target.read_text(encoding="utf-8"), re.M)
            text = f"[{heading[1]}]" if heading else text
        return f"{text}({posixpath.relpath(_uri(target, root), posixpath.dirname(here) or '.')}{match['anchor'] or ''})"

    return LINK.sub(turned, markdown)


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).resolve().parent


def _target(file: Path, link: str, root: Path) -> Path | None:
    """The file that a link in another leads to; of a folder its README.md. None where it leads to none."""
    target = (file.parent / link).resolve()
    if target.is_dir():
        target /= "README.md"
    return target if target.is_file() and target.is_relative_to(root) else None


def _uri(file: Path, root: Path) -> str:
    """What the site knows a file as."""
    if file == root / "README.md":
        return "index.md"
    if file.is_relative_to(root / "docs"):
        return file.relative_to(root / "docs").as_posix()
    name = file.relative_to(root).as_posix()
    return name if file.suffix == ".md" else f"{name}.md"


def _page(file: Path, root: Path, config: MkDocsConfig) -> File:
    uri = _uri(file, root)
    if file.suffix == ".md":
        return File.generated(config, uri, abs_src_path=str(file), inclusion=InclusionLevel.NOT_IN_NAV)
    lexer = find_lexer_class_for_filename(file.name)
    shown = SHOWN.format(
        name=file.relative_to(root).as_posix(),
        language=lexer.aliases[0] if lexer else "text",
        text=file.read_text(encoding="utf-8").rstrip(),
    )
    return File.generated(config, uri, content=shown, inclusion=InclusionLevel.NOT_IN_NAV)
