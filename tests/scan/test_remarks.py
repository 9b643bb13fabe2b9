"""What has to be said about a scan stays with the scan."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.scan.boxes import as_box
from bcdi_inpaint.scan.remarks import Remark
from bcdi_inpaint.scan.scan import Scan


def test_a_part_of_a_scan_keeps_its_remarks():
    remark = Remark("guess", "read the first of two arrays")
    none = np.zeros((2, 3, 4), dtype=bool)
    scan = Scan(np.ones((2, 3, 4)), none, remarks=(remark,))
    assert scan.part(as_box([slice(0, 1)] * 3)).remarks == (remark,)
    assert scan.with_bad(none).remarks == (remark,)
    assert str(remark) == "read the first of two arrays"
