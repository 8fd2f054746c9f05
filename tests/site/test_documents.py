"""What the documents name is there: files, commands, targets of make, links, causes, kinds of trouble and mutants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from ledger_sync.asking import snags
from ledger_sync.faultmachine import mutants, plans
from practice.site.chaos import harm

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILE = re.compile(r"[\w./-]+\.(py|txt|md|html|css|js)|[\w-]+/[\w./-]+")
#: Where a file is that a document names by its last part alone.
ROOMS = ("practice", "billing", "proposals", "ledger_sync", "templates", "docs", "tests")


def quoted(text: str) -> set[str]:
    """Everything a document puts in backticks, and the lines of its code blocks."""
    blocks = re.findall(r"^```.*?$(.*?)^```", text, re.DOTALL | re.MULTILINE)
    plain = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return {*re.findall(r"`([^`]+)`", plain), *(line.strip() for block in blocks for line in block.splitlines())}


def first_cells(name: str, heading: str) -> set[str]:
    """The first column of a document's table, the cells with several names taken apart."""
    rows = (ROOT / "docs" / name).read_text().partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {word.strip(" `") for row in rows for word in row.split("|")[1].split(",")}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_file_that_is_named_is_there(document: Path) -> None:
    known = {path.name for room in ROOMS for path in (ROOT / room).rglob("*")}
    named = sorted(word for word in quoted(document.read_text()) if FILE.fullmatch(word))
    assert [word for word in named if not (ROOT / word).exists() and word not in known] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_command_that_is_named_can_be_given(document: Path) -> None:
    words = " ; ".join(quoted(document.read_text()))
    targets = set(re.findall(r"^([\w -]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {target for line in targets for target in line.split()}
    assert set(re.findall(r"\bmake ([a-z][\w-]*)", words)) <= known
    assert set(re.findall(r"manage\.py (\w+)", words)) <= set(get_commands())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_somewhere(document: Path) -> None:
    leads = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    assert [to for to in leads if "://" not in to and not (document.parent / to).exists()] == []


def test_the_runbook_has_every_cause_and_no_other() -> None:
    assert first_cells("runbook.md", "cause") == set(snags.WORDS)


def test_the_reliability_page_has_every_kind_of_harm() -> None:
    assert first_cells("reliability.md", "harm") == {*harm.KILLS, *harm.STOPS, *harm.BY_CHANCE}


def test_the_reliability_page_has_every_trouble_and_every_mutant() -> None:
    assert first_cells("reliability.md", "trouble") == set(plans.KINDS)
    assert first_cells("reliability.md", "mutant") == {mutant.name for mutant in mutants.MUTANTS}
