"""Exports of evaluations: CSV tables and output files."""
