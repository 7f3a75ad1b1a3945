"""Commands about customers that read the whole log: look-alikes of a list, key figures, cohorts, expected units."""
