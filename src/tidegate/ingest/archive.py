"""Raw payloads under their digests: kept for audit and replay, and read back."""

import gzip
import shutil
from collections.abc import Sequence
from hashlib import file_digest, sha256
from pathlib import Path

from isal import igzip

from tidegate.ingest.world import World
from tidegate.ports import BadPayload, Objects

CHUNK = 1 << 20


def digest_of(file: Path) -> str:
    with file.open("rb") as data:
        return file_digest(data, "sha256").hexdigest()


def joint(digests: Sequence[str]) -> str:
    """Return one digest for all pages of a fetch; of one page, its own."""
    return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()


def archive(files: Sequence[Path], digests: tuple[str, ...], world: World) -> tuple[str, ...]:
    """Keep the raw bytes under their digests, for audit and replay; return the digests."""
    for file, digest in zip(files, digests, strict=True):
        packed = world.scratch / f"{file.name}.gz"
        with file.open("rb") as raw, igzip.open(packed, "wb", compresslevel=1) as target:
            shutil.copyfileobj(raw, target, CHUNK)
        world.objects.put(f"payloads/{digest}.gz", packed)
    return digests


def unpacked(digest: str, folder: Path, objects: Objects) -> Path:
    """Write an archived payload into the folder. Raises BadPayload when it is gone."""
    stored = objects.get(f"payloads/{digest}.gz")
    if stored is None:
        raise BadPayload(f"the payload {digest} is no longer archived")
    packed, page = folder / f"{digest}.gz", folder / f"{digest}.fetched"
    packed.write_bytes(stored.data)
    with gzip.open(packed) as source, page.open("wb") as target:
        shutil.copyfileobj(source, target, CHUNK)
    return page
