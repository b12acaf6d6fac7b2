"""What the databases of known vulnerabilities say decides; that they say nothing is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audit import Audit, read_npm, read_pip, report

CLEAN = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
FLAWED = {"name": "h11", "version": "0.15.0", "vulns": [{"id": "PYSEC-2025-1", "fix_versions": ["0.16.0"]}]}
UNKNOWN = {"name": "voicebot-kit", "skip_reason": "Dependency not found on PyPI"}
NPM_FLAW = {"name": "ws", "severity": "high", "range": "<8.17.1", "via": ["ws"], "fixAvailable": True}


def test_a_known_vulnerability_of_a_python_package_fails(capsys: pytest.CaptureFixture[str]) -> None:
    audit = read_pip(json.dumps({"dependencies": [CLEAN, FLAWED, UNKNOWN], "fixes": []}))
    assert audit == Audit(2, ["voicebot-kit"], ["h11 0.15.0: PYSEC-2025-1, mended in 0.16.0"])
    assert not report("Python", audit, required=False)
    told = capsys.readouterr()
    assert told.err == "Python: h11 0.15.0: PYSEC-2025-1, mended in 0.16.0\n"
    assert told.out == "Python: 2 packages audited, 1 unknown to it, 1 known vulnerabilities\n"


def test_a_known_vulnerability_of_an_npm_package_fails() -> None:
    answer = {"vulnerabilities": {"ws": NPM_FLAW}, "metadata": {"dependencies": {"total": 61}}}
    audit = read_npm(json.dumps(answer))
    assert audit == Audit(61, [], ["ws <8.17.1: high"])
    assert not report("npm", audit, required=False)


def test_nothing_known_passes() -> None:
    assert report("Python", read_pip(json.dumps({"dependencies": [CLEAN]})), required=True)
    answer = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 61}}}
    assert report("npm", read_npm(json.dumps(answer)), required=True)


@pytest.mark.parametrize(
    "audit",
    [
        read_pip(json.dumps({"dependencies": [UNKNOWN]})),
        read_pip(""),
        read_npm(json.dumps({"message": "405 Method Not Allowed", "statusCode": 405})),
        read_npm(""),
    ],
)
def test_a_database_that_does_not_answer_is_named_and_fails_where_it_is_required(
    audit: Audit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.silent
    assert report("npm", audit, required=False)
    assert not report("npm", audit, required=True)
    assert capsys.readouterr().err == f"npm: not audited, {audit.silent}\n" * 2


@given(
    st.text()
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["dependencies", "vulnerabilities", "metadata", "message", "name", "vulns"]),
                inner,
            )
            | st.lists(inner)
        ),
    ).map(json.dumps)
)
def test_whatever_they_write_is_an_audit(output: str) -> None:
    assert isinstance(read_pip(output), Audit)
    assert isinstance(read_npm(output), Audit)
