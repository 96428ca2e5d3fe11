"""python run.py with_joserfc: verifies each line of the input."""

import importlib
import sys

verify = importlib.import_module(sys.argv[1]).verify

for line in sys.stdin:
    try:
        claims = verify(line.strip())
    except Exception as error:
        print(f"refused {type(error).__name__}: {error!s:.80}".replace("\n", " "))
    else:
        print(f"accepted {claims['sub']}")
