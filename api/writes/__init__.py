"""Events sent over HTTP: checked, published, and answered with the position behind them."""
