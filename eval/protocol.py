"""Evaluation protocol: names of the baselines, the baselines that count in comparisons, and sizes of groups."""

RECENT_DAYS = 28.0  # recent best-sellers are those of so many days
HALF_LIFE_DAYS = 120.0  # of the fading own frequency

BEST_SELLERS, LATE_SELLERS, SEGMENT = "best-sellers", "best-sellers, 28 days", "best-sellers of the segment"
OWN_FREQUENCY, FADING_FREQUENCY, RANDOM = "own frequency", "own frequency, fading", "random"
COMPARED_WITH = (BEST_SELLERS, OWN_FREQUENCY, FADING_FREQUENCY)  # every list, where the baseline is there

GLOBAL_MEAN, ITEM_MEAN, USER_MEAN, BASELINE = "global mean", "item mean", "user mean", "baseline"  # of ratings

SMALL_GROUP = 100  # customers; a smaller group is marked, because a few persons change its figures
LIGHTEST = 0.1  # the customers with the fewest events are a group of their own
BANDS = (LIGHTEST, 0.4, 0.7)  # shares of the customers up to which they are lightest, light, medium; the rest is heavy
