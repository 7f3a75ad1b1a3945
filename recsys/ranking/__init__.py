"""From a question to a list: sources, filters, mixing, reasons."""
