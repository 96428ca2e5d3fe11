"""The hooks, as docs/tenants.md has them."""

from tests.pages import read_blocks
from tests.shell import ROOT

for block in read_blocks(ROOT / "docs/tenants.md"):
    if block.code.startswith("# shop/tenants.py\n"):
        exec(block.code)
    elif block.code.startswith("# shop/tenants_with_keys.py\n"):
        exec(block.code.replace("def jwt_settings", "def jwt_settings_with_keys"))
