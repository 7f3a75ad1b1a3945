"""Backtest on the shop's own log: windows, test users, contenders, scoring and results."""
