"""`python -m lkltest`: the command."""

import sys

from lkltest.cli import main

sys.exit(main())
