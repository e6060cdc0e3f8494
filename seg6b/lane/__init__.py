"""Lane: `python -m seg6b.lane`, from a command line to a finished, tracked, rendered candidate run."""
