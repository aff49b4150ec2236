r"""The one TSV codec: the rules of PostgreSQL's COPY text format.

`\` TAB LF CR are `\\` `\t` `\n` `\r`; null is `\N`, the empty string is empty; nothing is quoted.
UTF-8 without BOM, LF, a final newline. `tests/golden/tsv.json` binds every other implementation.
"""

from io import SEEK_END, BytesIO

import polars as pl
from isal import igzip

NULL = r"\N"
LEVEL = 3
PART = 50_000  # rows: what is escaped at once takes as much memory again
PLAIN = ["\\", "\t", "\n", "\r", "\0"]
# NUL has no escape: PostgreSQL cannot hold it, so it becomes the replacement character.
ESCAPED = [r"\\", r"\t", r"\n", r"\r", "\ufffd"]


def encode(frame: pl.DataFrame) -> bytes:
    """Return a frame of text columns as TSV. Raises ValueError for a name that cannot be one."""
    for name in frame.columns:
        if any(sign in name for sign in PLAIN):
            raise ValueError(f"{name!r} cannot name a column")
    header = "\t".join(frame.columns)
    if frame.is_empty():
        return f"{header}\n".encode()
    out = BytesIO(f"{header}\n".encode())
    out.seek(0, SEEK_END)
    cells = [pl.col(name).str.replace_many(PLAIN, ESCAPED) for name in frame.columns]
    for part in frame.iter_slices(PART):
        escaped = part.select(cells)
        escaped.write_csv(
            out, separator="\t", quote_style="never", null_value=NULL, include_header=False
        )
    return out.getvalue()


def packed(data: bytes) -> bytes:
    """Return the bytes gzipped: at five times the speed of zlib's sixth level, 6 % larger.

    Without a time stamp inside, so the same rows are the same bytes.
    """
    return igzip.compress(data, LEVEL, mtime=0)


def decode(data: bytes) -> pl.DataFrame:
    """Return what `encode` was given. Raises ValueError when it cannot have written this."""
    header, *lines = data.decode().removesuffix("\n").split("\n")
    names = header.split("\t")
    cells = pl.DataFrame({"line": lines}, schema={"line": pl.String()}).select(
        pl.col("line").str.split("\t")
    )
    if not cells.filter(pl.col("line").list.len() != len(names)).is_empty():
        raise ValueError(f"a line that does not have {len(names)} cells")
    return cells.select(
        _plain(pl.col("line").list.get(place)).alias(name) for place, name in enumerate(names)
    )


def _plain(cell: pl.Expr) -> pl.Expr:
    # The pairs are found from left to right and never overlap: `\\t` is a backslash and a t.
    text = cell.str.replace_many(ESCAPED[:4], PLAIN[:4])
    return pl.when(cell != NULL).then(text)
