"""`python -m bnverify` is the command line."""

from bnverify.cli import main

if __name__ == "__main__":
    main()
