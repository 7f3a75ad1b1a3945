"""Commands of training: jobs that import, check, train, tune and sweep, and the management of releases."""
