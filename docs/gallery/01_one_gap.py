"""
Fill a gap
==========

Read a scan, find its gaps, fill them, and look. The scan is the example that comes with the
package: a strained particle whose detector has a cross of 6 rows and columns.
"""

import bcdi_inpaint as bcdi
from bcdi_inpaint.plots import before_after

scan = bcdi.load_example()
gaps = bcdi.find_gaps(scan)
fill = bcdi.inpaint(scan, gaps)
print(gaps)
print(fill)

# %%
# Above is what was measured, below it the same with the gap filled. Outside the outline nothing
# has changed.

figure = before_after(scan.counts, fill.counts, fill.filled, scan.bad_mask)
