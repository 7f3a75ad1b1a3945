"""Health checks of an installation for `recsys doctor`, a command in serve.py: each with a result and advice."""

import asyncio
import os
import time
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from redis.exceptions import RedisError

from api.auth.api_keys import keys_in_force
from api.cache.redis_clients import open_client
from api.cli.installation import OUR_PACKAGES, foreign_files
from api.settings import ServerConfig
from recsys import kernels
from recsys.bundle import Manifest, live_version, open_release
from recsys.bundle.signature import SIGNING_KEY, read_signing_key
from recsys.data.lineage import NOT_COVERED, of_another_log
from recsys.data.store.open import open_existing_store
from recsys.errors import RecsysError
from recsys.ranking.recommender import build_recommender
from recsys.redaction import redacted
from recsys.shared_registry.mirror import open_mirror
from recsys.shared_registry.state import RegistryState
from recsys.time_units import now_ms

PACKAGES = ("recsys-shop", "numpy", "scipy", "faiss-cpu", "fastapi", "uvicorn", "apsw", "redis")
OLD_DAYS = 7.0
SHOWN = 5  # foreign files that are named
_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One check: its result, and what to do when it is not ok."""

    name: str
    is_ok: bool
    result: str
    advice: str = ""


def examine(config: ServerConfig) -> list[HealthCheck]:
    """All checks, each on its own."""
    checks = (_threads, _packages, _kernels, _files, _keys, _signing, _log, _bundle, _registry, _redis)
    return [check(config) for check in checks]


def _threads(config: ServerConfig) -> HealthCheck:
    wrong = config.wrong_limits
    if not wrong:
        return HealthCheck("threads", True, "one per process for BLAS and OpenMP")
    named = ", ".join(f"{name}={value}" for name, value in wrong.items())
    return HealthCheck(
        "threads", False, named, "unset them, or set each to 1: several threads make every answer slower"
    )


def _packages(_config: ServerConfig) -> HealthCheck:
    try:
        return HealthCheck("packages", True, ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    except PackageNotFoundError as error:
        return HealthCheck("packages", False, f"{error.name} is missing", f"pip install {error.name}")


def _kernels(_config: ServerConfig) -> HealthCheck:
    if kernels.compiled is not None:
        return HealthCheck("kernels", True, "compiled")
    slow = "not compiled, so an answer takes twice the CPU; install again with gcc and the headers of Python"
    return HealthCheck("kernels", True, slow)


def _files(_config: ServerConfig) -> HealthCheck:
    foreign = foreign_files()
    if not foreign:
        return HealthCheck("files", True, f"{', '.join(OUR_PACKAGES)} are as they were installed")
    advice = "uninstall what brought them, then: pip install --force-reinstall --no-deps recsys-shop"
    return HealthCheck("files", False, "; ".join(foreign[:SHOWN]), advice)


def _keys(config: ServerConfig) -> HealthCheck:
    try:
        keys = keys_in_force(config)
    except RecsysError as error:
        return HealthCheck("keys", False, "the service does not start", str(error))
    if keys is None:
        return HealthCheck("keys", True, "none: everybody who reaches the service may do everything, on loopback only")
    n_valid = sum(key.state(now_ms()) == "valid" for key in keys)
    advice = "" if n_valid else "every request is refused; make a key with `recsys keys create`"
    return HealthCheck("keys", True, f"{n_valid} valid of {len(keys)}", advice)


def _signing(config: ServerConfig) -> HealthCheck:
    try:
        may_read = os.access(config.home / SIGNING_KEY, os.R_OK)  # the key may be for the user of the training alone
        key, trusted = read_signing_key(config.home) if may_read else None, config.trusted_keys()
    except RecsysError as error:
        return HealthCheck("signing", False, "no release is published or taken", str(error))
    if trusted is None:
        return HealthCheck("signing", True, "none: a release is taken unsigned; see `recsys keys signing`")
    signs = f"key {key.id} signs here" if key is not None else "no key signs here"
    if key is not None and key.id not in trusted.keys:
        advice = f"add its line to {trusted.file}, or the service refuses what this home publishes"
        return HealthCheck("signing", False, f"{signs}, and is not trusted", advice)
    return HealthCheck("signing", True, f"{signs}, {len(trusted.keys)} trusted")


def _log(config: ServerConfig) -> HealthCheck:
    try:
        with closing(open_existing_store(config.home, config.shop.database_url)) as store:
            lineage = store.lineage()
    except RecsysError as error:
        return HealthCheck("log", False, error.code, str(error))
    head, origin = lineage.head, lineage.current.cause
    advice = "" if head.seq else "import some: `recsys import events FILE`"
    named = f"identity {head.log_id} ({origin})"
    return HealthCheck("log", True, f"{head.seq:,} events, catalogue revision {head.revision:,}, {named}", advice)


def _bundle(config: ServerConfig) -> HealthCheck:
    try:
        live = live_version(config.bundles)
        if live is None:
            return HealthCheck("bundle", False, "nothing is live", "run `recsys train`")
        bundle = open_release(config.bundles, live, trusted=config.trusted_keys())
        build_recommender(bundle, (), config.file)
        manifest = bundle.manifest
    except RecsysError as error:
        return HealthCheck("bundle", False, error.code, str(error))
    if not _is_covered(config, manifest):
        return HealthCheck("bundle", False, "of another log", of_another_log(manifest.version))
    age_days = time.time() / 86_400 - manifest.made_at_ms / 86_400_000
    advice = "it is getting old; run `recsys train`" if age_days > OLD_DAYS else ""
    return HealthCheck("bundle", True, f"{manifest.version}, whole, {age_days:.1f} days old", advice)


def _is_covered(config: ServerConfig, manifest: Manifest) -> bool:
    try:
        with closing(open_existing_store(config.home, config.shop.database_url)) as store:
            return store.watermark(manifest) != NOT_COVERED
    except RecsysError:
        return True  # a log that does not answer is a finding of its own


def _registry(config: ServerConfig) -> HealthCheck:
    if not config.registry.url:
        return HealthCheck("registry", True, "not set; releases are in the home alone")
    try:
        mirror = open_mirror(config.home, config.registry, config.serve.trusted_keys)
        live = None if mirror is None else (mirror.read()[0] or RegistryState()).live
        here = live_version(config.bundles)
    except RecsysError as error:
        return HealthCheck("registry", False, error.code, str(error))
    if live != here:
        advice = "`recsys serve` or any command that works on releases takes it over; see registry_refused in the log"
        return HealthCheck("registry", False, f"{live} is live there, {here} here", advice)
    return HealthCheck("registry", True, f"{live} is live there and here")


def _redis(config: ServerConfig) -> HealthCheck:
    url = config.shop.redis_url
    if url is None:
        return HealthCheck("redis", True, "not set; answers are cached in process only")
    try:
        return HealthCheck("redis", True, f"answers in {1_000 * asyncio.run(_redis_latency_s(url)):.1f} ms")
    except (RedisError, ValueError, OSError) as error:
        advice = "start it, or mend or unset redis_url (RECSYS_REDIS_URL); the service works without"
        return HealthCheck("redis", False, redacted(str(error) or type(error).__name__, url), advice)


async def _redis_latency_s(url: str) -> float:
    client = open_client(url)
    try:
        async with asyncio.timeout(_WAIT_S):
            await client.connect()
            started = time.perf_counter()
            await client.ping()
        return time.perf_counter() - started
    finally:
        await client.aclose()
