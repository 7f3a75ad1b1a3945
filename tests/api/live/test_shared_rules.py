"""Rules that are changed at one host count at all hosts that share a registry."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.live.shared_rules import RULES, SharedRules
from recsys.ranking.rules.repository import open_rule_repository
from recsys.shared_registry.mirror import open_mirror
from recsys.shared_registry.settings import RegistrySettings

if TYPE_CHECKING:
    from s3fs import S3FileSystem

RulesOf = Callable[[str], SharedRules]


def rules(item_id: str) -> str:
    return f'[[rules]]\nid = "one"\nkind = "block"\nitems = ["{item_id}"]\nreason = "recalled"\n'


def versions_of(shared: SharedRules) -> list[str]:
    return [shared.repository.version_text(version.number) for version in shared.repository.versions()]


@pytest.fixture
def rules_of(bucket: "S3FileSystem", tmp_path: Path) -> RulesOf:
    """The rules of a host, by its name."""

    def shared(name: str) -> SharedRules:
        mirror = open_mirror(tmp_path / name, RegistrySettings(url=f"s3://shop/{tmp_path.name}"))
        assert mirror is not None
        mirror.bundles.mkdir(parents=True, exist_ok=True)
        return SharedRules(open_rule_repository(tmp_path / name, None), mirror)

    return shared


def test_what_one_host_changes_the_other_takes_and_an_invalid_text_stays_where_it_is(rules_of: RulesOf) -> None:
    a, b = rules_of("a"), rules_of("b")
    a.sync()
    b.repository.replace(rules("x"))
    b.sync()
    a.sync()
    assert a.repository.text() == rules("x")
    a.repository.file.write_text("[[rules]]\nkind = 3\n")
    a.sync()
    b.sync()
    assert b.repository.text() == rules("x")
    a.repository.replace(rules("y"))
    a.sync()
    b.sync()
    assert b.repository.text() == rules("y")
    assert versions_of(b) == [rules("x"), rules("y")]


@pytest.mark.slow
def test_where_both_changed_the_registry_wins_and_the_other_text_stays_among_the_versions(
    rules_of: RulesOf, bucket: "S3FileSystem"
) -> None:
    a, b = rules_of("a"), rules_of("b")
    a.repository.replace(rules("x"))
    a.sync()
    b.repository.file.parent.mkdir(exist_ok=True)
    b.repository.file.write_text(rules("z"))
    b.sync()
    assert b.repository.text() == rules("x")
    assert versions_of(b) == [rules("z"), rules("x")]
    b.repository.file.unlink()
    b.sync()
    assert b.repository.text() == rules("x"), "a file that is missing is no change"
    bucket.pipe_file(f"{a.mirror.storage.url}/{RULES}", b"\xff no text")
    b.sync()
    assert b.repository.text() == rules("x")
