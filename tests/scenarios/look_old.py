"""Files that look old to Postfix, which waits until what it reads is two seconds old."""

import os
import time


def look_old(path):
    """Set a file's time back."""
    past = time.time() - 10
    os.utime(path, (past, past))
