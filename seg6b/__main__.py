"""`python -m seg6b`."""

from seg6b.cli.app import main

if __name__ == "__main__":
    main()
