"""What can be learnt from events: one learner and one model per file."""
