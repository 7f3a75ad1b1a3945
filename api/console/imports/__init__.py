"""Imports in the console: uploads, how their columns are read, and the jobs that try and import them."""
