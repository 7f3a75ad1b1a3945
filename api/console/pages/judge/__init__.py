"""Pages of what was judged: the gate, evaluations, experiments, and rules on the answers of the log."""
