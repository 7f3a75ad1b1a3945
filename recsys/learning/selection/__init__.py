"""Selection: what may be spent on it, and the settings of the models it chooses from."""
