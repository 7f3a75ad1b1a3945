"""The OpenAPI document: schema, examples and error responses."""
