"""`python -m seg6b.lane`."""

from seg6b.lane.entry import main

if __name__ == "__main__":
    main()
