"""Report page of an evaluation for marketers: sentences and charts first, then the figures behind them."""
