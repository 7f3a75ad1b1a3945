"""What every release registry promises to two hosts: one in a folder that both share, and one in an object storage."""

from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.bundle import open_bundle
from recsys.data.lineage import Lineage, Watermark
from recsys.errors import BadBundle, BadInput, StaleJob
from recsys.gate.verdict import GateVerdict
from recsys.shared_registry.mirror import open_mirror
from recsys.shared_registry.settings import RegistrySettings
from tests.training.releases import NAMES, writer
from training.registry import Registry

Host = Callable[[], Registry]  # the registry as that host sees it now


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def hosts(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Host, Host]:
    if request.param == "folder":
        return (lambda: Registry(tmp_path), lambda: Registry(tmp_path))
    request.getfixturevalue("bucket")
    settings = RegistrySettings(url=f"s3://shop/{tmp_path.name}")

    def host(name: str) -> Host:
        home = tmp_path / name
        mirror = open_mirror(home, settings)
        assert mirror is not None

        def look() -> Registry:
            mirror.pull()
            return Registry(home, mirror)

        return look

    return host("a"), host("b")


def published(host: Host, n: int, live: int | None = None) -> None:
    registry = host()
    for number, version in enumerate(NAMES[:n]):
        registry.publish(writer(version, number))
    for version in NAMES[: 0 if live is None else live + 1]:
        registry.promote(version)


def number_of(registry: Registry) -> int:
    live = registry.live()
    assert live is not None
    return int(open_bundle(registry.bundles / live).array("numbers")[0])


def test_what_one_host_publishes_and_promotes_the_other_serves_with_every_file_checked(
    hosts: tuple[Host, Host],
) -> None:
    a, b = hosts
    published(a, 2, live=0)
    assert number_of(b()) == 0
    assert [(each.version, each.is_live, each.damage) for each in b().releases()] == [
        (NAMES[1], False, None),
        (NAMES[0], True, None),
    ]
    b().promote(NAMES[1])
    assert number_of(a()) == number_of(b()) == 1


def test_a_rollback_at_one_host_goes_back_at_both_and_further_at_the_other(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    published(a, 3, live=2)
    assert b().rollback().manifest.version == a().live() == NAMES[1]
    assert a().rollback().manifest.version == b().live() == NAMES[0]
    with pytest.raises(BadInput, match="a rollback left"):
        b().promote(NAMES[2])


def test_a_canary_is_seen_and_ended_by_both(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    published(a, 2, live=0)
    canary = a().begin_canary(NAMES[1], share=10, hours=1)
    assert b().canary() == canary
    assert b().end_canary(canary, "back", ["customers bought less"])
    assert not a().end_canary(canary, "forward", ["too late"])
    assert a().live() == NAMES[0]
    verdict = a().verdict(NAMES[1])
    assert verdict is not None
    assert not verdict.may_go_live
    with pytest.raises(BadInput, match="customers bought less"):
        b().promote(NAMES[1])


def test_a_job_of_an_older_generation_promotes_nothing_at_any_host(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    published(a, 2, live=0)
    a().begin_generation(7)
    b().begin_generation(8)
    with pytest.raises(StaleJob, match="generation 8"):
        a().promote(NAMES[1], generation=7)
    assert b().promote(NAMES[1], generation=8).manifest.version == a().live()


def test_verdicts_and_their_pages_are_read_at_both(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    published(a, 1)
    a().put_verdict(GateVerdict.without_checks(NAMES[0], None, 1), "<p>fine</p>")
    assert b().verdict(NAMES[0]) == a().verdict(NAMES[0]) is not None
    page = b().verdict_page(NAMES[0])
    assert page is not None
    assert page.read_text() == "<p>fine</p>"
    b().promote(NAMES[0], force="tried by hand")
    forced = a().verdict(NAMES[0])
    assert forced is not None
    assert forced.forced_because == "tried by hand"


def test_what_one_host_prunes_is_gone_at_both(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    published(a, 4, live=1)
    b().rollback(NAMES[0])
    assert a().prune(1) == [NAMES[2], NAMES[1]]
    assert [each.version for each in b().releases()] == [NAMES[3], NAMES[0]]
    assert not list(b().bundles.rglob(NAMES[1]))
    with pytest.raises(BadBundle, match="not published"):
        b().promote(NAMES[2])


def test_releases_that_hold_an_erased_customer_go_from_both(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    published(a, 3, live=1)
    assert number_of(b()) == 1
    assert b().prune_before(1, Lineage((), Watermark("log", 5, 5))) == [NAMES[0], NAMES[2]]
    assert [each.version for each in a().releases()] == [NAMES[1]]


def test_a_version_is_published_once(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    published(a, 1, live=0)
    with pytest.raises(BadBundle, match="never written again"):
        b().publish(writer(NAMES[0], 9))
    assert number_of(a()) == 0


def test_what_was_never_published_is_not_promoted(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    published(a, 1, live=0)
    with pytest.raises(BadBundle, match="not published"):
        b().promote(NAMES[5])
    assert a().live() == b().live() == NAMES[0]
