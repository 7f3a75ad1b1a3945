"""File formats: tables in CSV, JSONL, Parquet and workbooks, read in chunks of bounded memory."""
