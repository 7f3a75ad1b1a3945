"""Scheduled jobs: cron times, the job lock with a growing generation, limits of time and memory, and the loop."""
