"""`python -m agent` is `study`."""

from agent.cli import main

if __name__ == "__main__":
    main()
