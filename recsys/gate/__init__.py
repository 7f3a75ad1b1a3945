"""Verdicts of the gate on releases: kept beside the releases, read by trainings and by the service."""
