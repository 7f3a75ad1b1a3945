"""File formats: tables in CSV, JSONL and Parquet, read in chunks of bounded memory."""
