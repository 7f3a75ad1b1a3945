"""Command line `recsys`: entry point, registration of commands, and output.

A command belongs into the `cli` folder of the package that does its work: api, training or eval.  Here are only the
commands that need none of these packages.
"""
