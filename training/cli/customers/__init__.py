"""Commands about customers that learn something: look-alikes of a list."""
