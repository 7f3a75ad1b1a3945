"""Forms of the console: fields that were typed as values, and the text of documents that people edit."""
