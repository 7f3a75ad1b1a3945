"""Explanations: reasons for shoppers, and a trace of scores for marketers."""
