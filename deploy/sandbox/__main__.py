"""`python -m deploy.sandbox`."""

import sys

from deploy.sandbox.commands import main

if __name__ == "__main__":
    sys.exit(main())
