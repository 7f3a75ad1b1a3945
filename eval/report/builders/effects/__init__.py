"""Pages of effects: what a campaign changed, and how the arms of an experiment differ."""
