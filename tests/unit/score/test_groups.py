from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.score.place import place_of
from holdfast.score.write import Output


def test_small_batches_become_large_row_groups_in_order(tmp_path):
    batches = [
        pa.record_batch({"id": list(range(start, start + 16_384))})
        for start in range(0, 40 * 16_384, 16_384)
    ]
    output = Output(place_of(tmp_path), "out.parquet", "parquet", batches[0].schema)
    for batch in batches:
        output.write(batch)
    done = output.finish()
    with pq.ParquetFile(tmp_path / "out.parquet") as file:
        groups = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
        assert groups == [262_144, 262_144, 131_072]
        assert file.read()["id"].to_pylist() == list(range(40 * 16_384))
    assert done.rows == 40 * 16_384
