"""Import profiles: the options of an import for one kind of export, each a TOML file of this folder."""
