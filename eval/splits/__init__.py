"""Splits by time: cut moments and rolling windows."""
