"""Import sources besides given files: a query of PostgreSQL, objects in S3, a watched folder."""
