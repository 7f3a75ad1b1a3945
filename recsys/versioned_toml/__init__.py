"""Versioned TOML: files that people edit, with the line of each fault and every version that was accepted."""
