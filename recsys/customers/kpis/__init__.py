"""Key figures of customers (KPIs): definitions as data, each figure with its interval, cohorts, funnel, alarm bands."""
