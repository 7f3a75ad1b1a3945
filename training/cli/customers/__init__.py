"""Commands about customers that read much: look-alikes of a list, key figures, cohorts, expected units, warnings."""
