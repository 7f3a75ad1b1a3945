"""Release registry: in the home, or shared by several hosts in an object storage."""

from training.registry.opening import open_registry
from training.registry.registry import GONE, MAKING, PUBLISHING, Registry
from training.registry.release import Release

__all__ = ["GONE", "MAKING", "PUBLISHING", "Registry", "Release", "open_registry"]
