"""Bundle: all files of a release in a directory that is written once, signed, and mapped by many processes."""

from recsys.bundle.bundle import (
    FORMAT,
    LIVE,
    MANIFEST,
    MANIFEST_CHECKSUM,
    SUFFIX,
    Bundle,
    FileChecksum,
    Manifest,
    bundle_path,
    is_version,
    live_version,
    open_bundle,
    open_release,
    version_name,
    write_bundle,
)

__all__ = [
    "FORMAT",
    "LIVE",
    "MANIFEST",
    "MANIFEST_CHECKSUM",
    "SUFFIX",
    "Bundle",
    "FileChecksum",
    "Manifest",
    "bundle_path",
    "is_version",
    "live_version",
    "open_bundle",
    "open_release",
    "version_name",
    "write_bundle",
]
