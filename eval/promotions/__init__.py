"""Evaluation of promotions: the effect of displays and mailers, and who responds to coupons."""
