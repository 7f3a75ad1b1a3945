"""Traffic control: rate limit, load shedding, deadlines, timeout and circuit breaker."""
