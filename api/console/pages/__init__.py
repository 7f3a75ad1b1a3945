"""Pages of the console, one module each; a row of `api.console.table` opens it."""
