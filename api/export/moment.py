"""Moment of an export: the release, catalogue and rules that all its lists are made with, as a worker opens them."""

from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from api.live.release import LiveRelease
from api.settings import ServerConfig
from recsys.atomic_file import open_private
from recsys.bundle import Manifest, live_version, open_release
from recsys.data.store.base import Store
from recsys.data.store.serialization import item_document, parse_item
from recsys.errors import NoBundle
from recsys.ranking.recommender import build_recommender, with_segment_members
from recsys.ranking.rules.repository import open_rule_repository


@dataclass(frozen=True, slots=True)
class ExportMoment:
    """What lists depend on beside their customer.  made_at_ms: Unix ms.

    version: of the release.  log_id, log_seq: up to where it knows the log.  item_revision: of the catalogue.
    rules: their text.  settings: digest of the settings file.
    """

    made_at_ms: int
    version: str
    log_id: str
    log_seq: int
    item_revision: int
    rules: str | None
    settings: str

    def same_release(self) -> dict[str, Any]:
        """What must not change before an export goes on.  The catalogue stays as it was: its changes are kept."""
        unchanging = asdict(self)
        del unchanging["made_at_ms"], unchanging["item_revision"]
        return unchanging


def moment_now(config: ServerConfig, store: Store, now_ms: int) -> ExportMoment:
    """The moment as the service would see it now.  Raises NoBundle, BadBundle, LogUnavailable."""
    version = live_version(config.bundles)
    if version is None:
        raise NoBundle(f"{config.home}: nothing is live yet; run `recsys train`")
    manifest = _manifest(config, version)
    lineage = store.lineage()
    return ExportMoment(
        made_at_ms=now_ms,
        version=version,
        log_id=lineage.log_id,
        log_seq=lineage.watermark(manifest).seq,
        item_revision=store.item_revision(),
        rules=open_rule_repository(config.home, config.file).last_valid_text(),
        settings=sha256(config.file.read_bytes()).hexdigest() if config.file and config.file.is_file() else "",
    )


def save_changed_items(config: ServerConfig, store: Store, moment: ExportMoment, file: Path) -> None:
    """Writes the items that changed since the release, so that every worker has the same catalogue."""
    manifest = _manifest(config, moment.version)
    with open_private(file, "wb") as out:
        for item in store.items_since(store.watermark(manifest).revision):
            out.write(item_document(item) + b"\n")


def open_live_release(config: ServerConfig, moment: ExportMoment, changed_items: Path, store: Store) -> LiveRelease:
    """The release as the service has it in service.  Raises BadBundle, UntrustedBundle, BadRules."""
    bundle = open_release(config.bundles, moment.version, trusted=config.trusted_keys())
    # The service keeps candidates for the next request of a customer; an export meets each only once.
    remember = min(1, config.serve.remembered_customers)
    with changed_items.open("rb") as lines:
        recommender = build_recommender(bundle, map(parse_item, lines), config.file, remember=remember)
    if moment.rules is not None:
        repository = open_rule_repository(config.home, config.file)
        recommender = recommender.with_rules(repository.parse(moment.rules))
        recommender = with_segment_members(recommender, store, moment.log_seq, config.home, config.file)
    return LiveRelease.build(recommender, moment.log_id, moment.log_seq, moment.item_revision)


def _manifest(config: ServerConfig, version: str) -> Manifest:
    return open_release(config.bundles, version, verify=False, trusted=config.trusted_keys()).manifest
