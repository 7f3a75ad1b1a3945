"""Statistics: bootstrap, confidence intervals and paired comparisons."""
