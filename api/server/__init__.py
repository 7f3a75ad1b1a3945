"""Server process: event loop, HTTP protocol and bind address."""
