"""Rule repository: a file is replaced atomically, and every accepted version is kept."""

from pathlib import Path

import pytest

from recsys.errors import BadFile, BadRules, RulesChanged, UnknownVersion
from recsys.ranking.rules.repository import RuleRepository, open_rule_repository
from recsys.versioned_toml.document import text_digest
from tests.recsys.ranking.rules.test_parser import GOOD


@pytest.fixture
def repository(tmp_path: Path) -> RuleRepository:
    return open_rule_repository(tmp_path, None)


def test_rules_are_stored_whole_and_every_version_is_kept(repository: RuleRepository) -> None:
    assert not repository.read()
    texts = [GOOD, "", GOOD.replace("\n", "\r\n")]
    for text in texts:
        repository.replace(text)
        assert repository.text() == text
    repository.replace(texts[-1])
    assert [version.digest for version in repository.versions()] == [text_digest(text) for text in texts]
    assert repository.version_text(2) == ""
    assert [file.name for file in sorted(repository.file.parent.iterdir())] == ["rules", "rules.toml"]
    assert repository.file.stat().st_mode & 0o044


def test_invalid_rules_change_nothing(repository: RuleRepository) -> None:
    repository.replace(GOOD)
    with pytest.raises(BadRules):
        repository.replace("rules = 1")
    assert repository.text() == GOOD
    assert len(repository.versions()) == 1


def test_a_writer_who_expects_other_rules_changes_nothing(repository: RuleRepository) -> None:
    repository.replace(GOOD, "none")
    with pytest.raises(RulesChanged, match=text_digest(GOOD)):
        repository.replace("", "none")
    assert repository.text() == GOOD
    repository.replace("", text_digest(GOOD))
    assert repository.text() == ""


def test_the_last_valid_version_replaces_an_invalid_file(repository: RuleRepository) -> None:
    repository.replace(GOOD)
    repository.file.write_text("rules = 1")
    assert [rule.id for rule in repository.last_valid().rules] == ["milk-week", "two-per-brand"]
    repository.file.write_bytes(b"\xff")
    assert repository.last_valid()


def test_a_version_that_never_was_is_unknown(repository: RuleRepository) -> None:
    with pytest.raises(UnknownVersion, match="none yet"):
        repository.version_text(1)
    repository.replace(GOOD)
    with pytest.raises(UnknownVersion, match="there are 1 to 1"):
        repository.version_text(2)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "rules").touch()
    with pytest.raises(BadFile, match="rules cannot be stored there"):
        open_rule_repository(tmp_path, None).replace(GOOD)


def test_a_setting_names_the_rule_file(tmp_path: Path) -> None:
    settings = tmp_path / "recsys.toml"
    settings.write_text(f'[rules]\nfile = "{tmp_path}/elsewhere/ours.toml"\n')
    open_rule_repository(tmp_path / "home", settings).replace(GOOD)
    assert (tmp_path / "elsewhere" / "ours.toml").read_text() == GOOD
