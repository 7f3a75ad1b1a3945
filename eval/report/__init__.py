"""The page a marketer reads about an evaluation: sentences and pictures first, the figures behind them after."""
