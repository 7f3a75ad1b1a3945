"""Limits of what is read from a file, so that no file takes the memory or the hours of the machine."""

MAX_LINE = 1 << 20  # characters of a line, or of a row whose quotes span lines
MAX_CELL = 1 << 16  # characters of a text
MAX_COLUMNS = 2_000
MAX_ELEMENTS = 10_000  # of one list that --explode spreads out
MAX_SKIPPED_LINE = 1 << 26  # a line that is longer is no line: the file is none of ours
CHUNK_CHARS = 1 << 24
CHUNK_CELLS = 2_000_000
FREE_EXPANSION = 1 << 28  # bytes that a compressed file may hold, however small it is
MAX_EXPANSION = 200  # times the size of the compressed file; shops' files expand to 5-50 times
MAX_WINDOW_LOG = 27  # 128 MiB of memory for a .zst; more needs `zstd --long=28` or above
FREE_ROWS = 1_000_000  # rows that a Parquet file may hold, however small it is
MAX_ROWS_PER_BYTE = 4  # of a larger Parquet file; with ids, a row takes a byte or more
FREE_CELLS = 20_000_000  # the same for cells, because a whole row group is decoded at once
MAX_CELLS_PER_BYTE = 64
WORKER_MEMORY = 1 << 30  # bytes of address space of the process that reads a workbook
WORKER_SECONDS = 600  # of its work


def chunk_rows(rows: int, n_columns: int) -> int:
    """Rows of a chunk of at most CHUNK_CELLS cells."""
    return max(min(rows, CHUNK_CELLS // max(n_columns, 1)), 1)
