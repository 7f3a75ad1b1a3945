"""Files of a home that trainings write beside the log and the releases."""

TUNED = "tuned.toml"  # the result of `recsys tune`; recsys.toml overrides it
CHECKPOINTS = "run/checkpoints"  # state of a long fit, from which the same training goes on
