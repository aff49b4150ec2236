"""Objects in containers of Blob Storage, which the infrastructure makes."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import (
    BlobClient,
    BlobLeaseClient,
    BlobServiceClient,
    StorageStreamDownloader,
)

from tidegate.adapters.azure.storage import Storage, translated
from tidegate.adapters.naming import lease_seconds, object_name
from tidegate.ports import Conflict, SourceDown, Stored

BLOCK = 8 << 20  # bytes that one request carries, and that a retry repeats
AT_ONCE = 2  # blocks of one upload or download; a Function has half a dozen feeds on its way


@dataclass
class BlobObjects:
    """`ports.Objects` in a container. Safe for threads; a lease's id must be a UUID.

    Each of `folders` has a container of its own, of that name, so that roles can tell them apart.
    """

    storage: Storage
    container: str = "tidegate"
    folders: Collection[str] = ()

    def __post_init__(self) -> None:
        self._service = _service(self.storage)
        names = {"": self.container} | {f"{one}/": one for one in self.folders}
        self._containers = {
            at: self._service.get_container_client(one) for at, one in names.items()
        }

    def create(self) -> None:
        """Make the containers where there are none: an emulator starts empty."""
        for made in self._containers.values():
            with suppress(Conflict), translated(made.container_name):
                made.create_container()

    def get(self, name: str) -> Stored | None:
        """See `ports.Objects`."""
        with suppress(ResourceNotFoundError), _reading(name):
            found = self._download(name)
            return Stored(found.readall(), found.properties.etag)
        return None

    def fetch(self, name: str, to: Path) -> bool:
        """See `ports.Objects`. The file is opened once there is something to write."""
        with suppress(ResourceNotFoundError), _reading(name):
            found = self._download(name)
            with to.open("wb") as file:
                found.readinto(file)
            return True
        return False

    def put(
        self,
        name: str,
        data: bytes | Path,
        *,
        if_match: str | None = None,
        if_absent: bool = False,
        lease: str | None = None,
    ) -> str:
        """See `ports.Objects`. A file is streamed, in blocks that become visible at once."""
        conditions: dict[str, Any] = {"overwrite": not if_absent}
        if if_match is not None:
            conditions |= {"etag": if_match, "match_condition": MatchConditions.IfNotModified}
        if lease is not None:
            conditions["lease"] = lease
        if isinstance(data, bytes):
            return self._write(name, data, conditions)
        with data.open("rb") as file:
            return self._write(name, file, conditions)

    def names(self, prefix: str) -> Iterator[str]:
        """See `ports.Objects`."""
        return iter(self.etags(prefix))

    def etags(self, prefix: str) -> dict[str, str]:
        """See `ports.Objects`. One request for each five thousand of them."""
        own = self._folder(prefix)
        beyond = [] if own else [at for at in self._containers if at.startswith(prefix)]
        found: dict[str, str] = {}
        for folder in {own, *beyond}:
            within = prefix.removeprefix(folder) if folder == own else ""
            with translated(prefix):
                listed = self._containers[folder].list_blobs(name_starts_with=within)
                found |= {folder + blob.name: blob.etag for blob in listed}
        return found

    def delete(self, name: str) -> None:
        """See `ports.Objects`."""
        blob = self._blob(name)
        with suppress(ResourceNotFoundError), translated(name):
            blob.delete_blob()

    def acquire(self, name: str, seconds: int, lease: str) -> None:
        """See `ports.Objects`."""
        lasting = lease_seconds(seconds)
        with _missing_is_conflict(name), translated(name):
            self._leased(name, lease).acquire(lasting)

    def renew(self, name: str, lease: str) -> None:
        """See `ports.Objects`."""
        with _missing_is_conflict(name), translated(name):
            self._leased(name, lease).renew()

    def release(self, name: str, lease: str) -> None:
        """See `ports.Objects`."""
        with suppress(Conflict, ResourceNotFoundError), translated(name):
            self._leased(name, lease).release()

    def endless(self, name: str) -> bool:
        """See `ports.Objects`."""
        with suppress(ResourceNotFoundError), translated(name):
            lease = self._blob(name).get_blob_properties().lease
            return lease.state == "leased" and lease.duration == "infinite"
        return False

    def break_lease(self, name: str) -> None:
        """See `ports.Objects`."""
        # Where there is no lease to break, the service says that it conflicts.
        with suppress(Conflict, ResourceNotFoundError), translated(name):
            BlobLeaseClient(self._blob(name)).break_lease(lease_break_period=0)

    def close(self) -> None:
        """Close all connections."""
        self._service.close()

    def _download(self, name: str) -> StorageStreamDownloader[bytes]:
        return self._blob(name).download_blob(max_concurrency=AT_ONCE)

    def _write(self, name: str, data: Any, conditions: dict[str, Any]) -> str:
        with translated(name):
            written = self._blob(name).upload_blob(data, max_concurrency=AT_ONCE, **conditions)
            return str(written["etag"])

    def _blob(self, name: str) -> BlobClient:
        folder = self._folder(object_name(name))
        return self._containers[folder].get_blob_client(name.removeprefix(folder))

    def _folder(self, name: str) -> str:
        """Return the folder with a container of its own that a name lies in, or nothing."""
        folder = f"{name.partition('/')[0]}/"
        return folder if name.startswith(folder) and folder in self._containers else ""

    def _leased(self, name: str, lease: str) -> BlobLeaseClient:
        return BlobLeaseClient(self._blob(name), lease)


def _service(storage: Storage) -> BlobServiceClient:
    options = {**storage.options, "max_single_put_size": BLOCK, "max_block_size": BLOCK}
    if storage.connection is not None:
        return BlobServiceClient.from_connection_string(storage.connection, **options)
    return BlobServiceClient(storage.url, storage.credential, **options)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        with translated(name):
            yield
    except Conflict as changed:
        # A large one is read in parts, each of which must have the first one's ETag.
        raise SourceDown(f"{name}: replaced while it was read") from changed


@contextmanager
def _missing_is_conflict(name: str) -> Iterator[None]:
    try:
        yield
    except ResourceNotFoundError as missing:
        raise Conflict(f"{name}: nothing to lease") from missing
