"""What a fill does to the crystal, against masking the gap: phase retrieval after every hand-over.

python benchmarks/phasing.py                         # small: minutes on 2 cores
python benchmarks/phasing.py configs/phasing.yaml    # hours on 2 cores

The same as `bcdi-inpaint evaluate --phasing`, whose options it takes.
"""

from __future__ import annotations

import sys

from bcdi_inpaint.cli import main

if __name__ == "__main__":
    main(["evaluate", "--phasing", *sys.argv[1:]])
