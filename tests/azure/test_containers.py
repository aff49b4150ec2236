"""Folders with a container of their own: the same objects to the code, apart to roles."""

from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient
from azurite_lab import azurite

from tidegate.adapters.azure.blob import BlobObjects
from tidegate.adapters.azure.storage import Storage
from tidegate.ports import Conflict

pytestmark = pytest.mark.slow


@pytest.fixture
def apart():
    running = azurite()
    folder = running.name()
    made = BlobObjects(Storage(connection=running.connection), running.name(), [folder])
    made.create()
    yield made, folder
    made.close()


def held(objects: BlobObjects, container: str) -> set[str]:
    with BlobServiceClient.from_connection_string(objects.storage.connection) as service:
        return set(service.get_container_client(container).list_blob_names())


def test_what_is_in_the_folder_lies_in_its_container(apart):
    objects, folder = apart
    objects.put(f"{folder}/a/b", b"1")
    objects.put(f"{folder}x/a", b"2")
    objects.put("rest/a", b"3")
    assert held(objects, folder) == {"a/b"}
    assert held(objects, objects.container) == {f"{folder}x/a", "rest/a"}
    assert objects.get(f"{folder}/a/b").data == b"1"


def test_names_are_those_of_one_store(apart):
    objects, folder = apart
    names = [f"{folder}/a", f"{folder}/b/c", f"{folder}x/a", "rest/a"]
    for name in names:
        objects.put(name, b"")
    assert sorted(objects.names("")) == sorted(names)
    assert sorted(objects.names(folder)) == sorted(names[:3])
    assert sorted(objects.names(f"{folder}/")) == names[:2]
    assert sorted(objects.names(f"{folder}/b")) == [names[1]]
    assert sorted(objects.names("re")) == ["rest/a"]


def test_leases_and_deletions_are_of_the_same_object(apart):
    objects, folder = apart
    name, lease = f"{folder}/state.json", str(uuid4())
    etag = objects.put(name, b"1")
    objects.acquire(name, 15, lease)
    with pytest.raises(Conflict):
        objects.put(name, b"2", if_match=etag)
    objects.put(name, b"2", if_match=etag, lease=lease)
    objects.release(name, lease)
    objects.delete(name)
    assert objects.get(name) is None
    assert held(objects, folder) == set()
