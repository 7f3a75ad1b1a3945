"""Nearest neighbours over item vectors."""
