"""The recipe for GitHub Actions: it is a workflow by GitHub's schema, and its shell steps do what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from tests.support.running import PROFILE

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "deploy" / "ci" / "bench.yml"
COMMENT = ROOT / "deploy" / "ci" / "comment.py"
JOBS = yaml.safe_load(RECIPE.read_text())["jobs"]
PULL = "issues/7/comments"


def step(job: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in JOBS[job]["steps"] if each.get("name") == name]
    return dict(found)


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """As GitHub's runners run a step."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_it_is_a_workflow_by_the_schema() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(RECIPE),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def test_nothing_of_a_pull_request_is_pasted_into_a_script() -> None:
    scripts = [each["run"] for job in JOBS.values() for each in job["steps"] if "run" in each]
    assert len(scripts) == 5
    assert [script for script in scripts if "${{" in script] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with a profile and what it was before, and a `voicebot` that holds scripted calls."""
    for place, ttft_ms in (("profiles", 720), ("before/profiles", 120)):
        (tmp_path / place).mkdir(parents=True)
        text = f"extends: {PROFILE}\nllm: {{use: scripted, ttft_ms: {ttft_ms}}}\n"
        (tmp_path / place / "fast.yaml").write_text(text)
    command = tmp_path / "bin" / "voicebot"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.bench.scripted "$@"\n')
    command.chmod(0o755)
    return tmp_path


def compare(project: Path) -> subprocess.CompletedProcess[str]:
    variables = {key: value for key, value in JOBS["bench"]["env"].items() if "${{" not in value}
    path = os.pathsep.join([str(project / "bin"), os.environ["PATH"]])
    return shell(
        step("bench", "Compare")["run"],
        project,
        **variables,
        PROFILE="profiles/fast.yaml",
        PATH=path,
        PYTHONPATH=str(ROOT),
    )


def test_a_profile_that_became_slower_fails_its_job_and_the_summary_says_why(project: Path) -> None:
    pytest.importorskip("matplotlib")
    done = compare(project)
    assert done.returncode == 1, done.stderr
    assert {file.name for file in (project / "out").iterdir()} == {"fast.md", "fast.html", "fast.json"}
    summary = project / "summary.md"
    assert shell(step("bench", "Summary")["run"], project, GITHUB_STEP_SUMMARY=str(summary)).returncode == 0
    text = summary.read_text()
    assert text.startswith("### profiles/fast.yaml against before/profiles/fast.yaml: failed")
    assert "guilty: llm_ttft, +600" in text


def test_a_new_profile_is_measured_alone(project: Path) -> None:
    pytest.importorskip("matplotlib")
    (project / "before" / "profiles" / "fast.yaml").unlink()
    done = compare(project)
    assert done.returncode == 0, done.stderr
    assert (project / "out" / "fast.md").read_text().startswith("### fast: passed")


def test_without_a_report_there_is_a_summary_without_one(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    assert shell(step("bench", "Summary")["run"], tmp_path, GITHUB_STEP_SUMMARY=str(summary)).returncode == 0
    assert not summary.exists()


# --- the comment --------------------------------------------------------------------------------------------------


class GitHub:
    """As much of GitHub as the script asks for. Attributes: `comments`; `refuse`, the code of an answer to writing."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.refuse = 0
        self.url = ""

    def say(self, body: str, kind: str = "User") -> None:
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": {"type": kind}})

    def answer(self, method: str, path: str, content: Any) -> tuple[int, Any]:
        where, _, query = path.removeprefix("/repos/me/agent/").partition("?")
        if method == "GET" and where == PULL:
            asked = dict(re.findall(r"(\w+)=(\d+)", query))
            size, page = int(asked["per_page"]), int(asked["page"])
            return 200, self.comments[size * (page - 1) : size * page]
        if self.refuse:
            return self.refuse, {}
        if method == "POST" and where == PULL:
            self.say(content["body"], "Bot")
            return 201, self.comments[-1]
        number = re.fullmatch(r"issues/comments/(\d+)", where)
        if method == "PATCH" and number:
            self.comments[int(number[1]) - 1]["body"] = content["body"]
            return 200, {}
        return 404, {}


@contextmanager
def serving(github: GitHub) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = json.loads(self.rfile.read(length)) if length else None
            right = self.headers["Authorization"] == "Bearer secret"
            code, answer = github.answer(self.command, self.path, content) if right else (401, {})
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = _do

        def log_message(self, format: str, *arguments: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        github.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def github() -> Iterator[GitHub]:
    github = GitHub()
    with serving(github):
        yield github


def comment(github: GitHub, folder: Path) -> subprocess.CompletedProcess[str]:
    """The recipe's step, in a folder with the script and the reports."""
    (folder / ".github").mkdir(exist_ok=True)
    (folder / ".github" / "bench_comment.py").write_text(COMMENT.read_text())
    (folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    (folder / "bin").mkdir(exist_ok=True)
    if not (folder / "bin" / "python").exists():
        (folder / "bin" / "python").symlink_to(sys.executable)
    return shell(
        step("comment", "Comment")["run"],
        folder,
        PATH=os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
        GITHUB_TOKEN="secret",
        GITHUB_API_URL=github.url,
        GITHUB_SERVER_URL="https://github.com",
        GITHUB_REPOSITORY="me/agent",
        GITHUB_RUN_ID="99",
        GITHUB_EVENT_PATH="event.json",
        no_proxy="127.0.0.1",
    )


def test_reports_become_one_comment_that_the_next_run_writes_anew(github: GitHub, tmp_path: Path) -> None:
    for number in range(150):
        github.say(f"remark {number}")
    out = tmp_path / "out"
    out.mkdir()
    (out / "careful.md").write_text("### careful: passed\n")
    (out / "fast.md").write_text("### fast: failed\n")
    assert comment(github, tmp_path).stderr == ""
    assert len(github.comments) == 151
    ours = github.comments[-1]["body"]
    assert ours.index("careful: passed") < ours.index("fast: failed")
    assert "https://github.com/me/agent/actions/runs/99" in ours
    (out / "fast.md").write_text("### fast: passed\n" + "x" * 70_000)
    assert comment(github, tmp_path).returncode == 0
    assert len(github.comments) == 151
    ours = github.comments[-1]["body"]
    assert "fast: failed" not in ours
    assert len(ours) < 65_536
    assert ours.endswith("actions/runs/99)")


def test_a_person_s_comment_is_left_alone_and_no_report_is_said_to_be_none(
    github: GitHub, tmp_path: Path
) -> None:
    github.say("<!-- voicebot bench --> quoted")
    assert comment(github, tmp_path).returncode == 0
    assert github.comments[0]["body"] == "<!-- voicebot bench --> quoted"
    assert "there is no report" in github.comments[1]["body"]


@pytest.mark.parametrize(("code", "ends_with"), [(403, 0), (500, 1)])
def test_a_fork_s_token_may_not_write_and_that_is_no_failure(
    code: int, ends_with: int, github: GitHub, tmp_path: Path
) -> None:
    github.refuse = code
    done = comment(github, tmp_path)
    assert done.returncode == ends_with
    assert ("the reports are in the run's summary" in done.stderr) == (code == 403)
