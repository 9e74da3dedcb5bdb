"""Generated code, a package for each API. See `python -m codegen`."""
