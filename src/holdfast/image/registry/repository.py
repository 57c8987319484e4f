"""A registry's repository, as `oci.take` reads images from it (distribution specification 1.1)."""

from __future__ import annotations

from pathlib import Path

import httpx

from holdfast.errors import InputError, MismatchError
from holdfast.image.oci.blobs import (
    MOST_DOCUMENT_BYTES,
    OnBytes,
    blob_path,
    digest_of,
    opened,
    unheard,
    whole,
)
from holdfast.image.oci.fields import own_name, parse, text
from holdfast.image.registry.again import Later
from holdfast.image.registry.client import Client
from holdfast.image.registry.download import Download, is_whole
from holdfast.image.values import INDEX, MANIFEST, Blob, Descriptor

_OF_DOCKER = "application/vnd.docker.distribution.manifest"
_ACCEPTED = f"{INDEX}, {MANIFEST}, {_OF_DOCKER}.list.v2+json, {_OF_DOCKER}.v2+json"
_OK, _PARTIAL, _NOT_FOUND, _PAST_END = 200, 206, 404, 416


class Repository:
    """A registry's repository, as `oci.take` reads it.

    Attributes:
        documents: What was read: manifests, indexes, configs, by their digests.
    """

    def __init__(self, client: Client) -> None:
        """Read by `client`."""
        self.documents: dict[str, Blob] = {}
        self._client = client
        self._scopes = (f"repository:{client.reference.repository}:pull",)

    def find(self, name: str) -> tuple[Descriptor, ...]:
        """The one manifest or index that a tag or digest names.

        Raises:
            InputError: It is not there, or something that is not read.
            MismatchError: It is not what its digest says.
            ToolError: The registry failed.
        """
        content, headers = self._client.again(lambda: self._document(f"manifests/{name}"))
        digest = digest_of(content)
        said = headers.get("docker-content-digest", digest)
        for expected in (said, name if name.startswith("sha256:") else said):
            if digest != expected:
                raise MismatchError(
                    f"{self._client.reference}: what is named {expected[:80]!r} is {digest}"
                )
        what = f"the manifest of {self._client.reference}"
        media_type = _media_type(content, headers, what)
        descriptor = Descriptor(media_type=media_type, digest=digest, size=len(content))
        self.documents[digest] = Blob(descriptor=descriptor, content=content)
        return (descriptor,)

    def read_tag(self, tag: str) -> bytes | None:
        """The document that a tag names, which may be any; None where there is no such tag.

        Raises:
            InputError: It is greater than any document.
            ToolError: The registry failed.
        """
        content, _ = self._client.again(lambda: self._document(f"manifests/{tag}", _NOT_FOUND))
        return content or None

    def read(self, descriptor: Descriptor) -> bytes:
        """A manifest, an index or a config.

        Raises:
            InputError: It is not there.
            MismatchError: It is not what its descriptor says.
            ToolError: The registry failed.
        """
        known = self.documents.get(descriptor.digest)
        if known is None:
            place = "manifests" if descriptor.media_type in {INDEX, MANIFEST} else "blobs"
            content, _ = self._client.again(lambda: self._document(f"{place}/{descriptor.digest}"))
            known = Blob(descriptor=descriptor, content=content)
            with opened(known) as stream:  # refuses what is something else
                stream.read()
            self.documents[descriptor.digest] = known
        assert isinstance(known.content, bytes)  # noqa: S101  # documents are kept in memory
        return known.content

    def fetch(self, descriptor: Descriptor, into: Path, on_bytes: OnBytes = unheard) -> Path:
        """A blob as a file below `into`, where it may be already.

        Raises:
            InputError: It is not there.
            MismatchError: It is not what its descriptor says.
            ToolError: The registry failed.
            StoreError: It cannot be written.
        """
        target = into / blob_path(descriptor.digest)
        if not is_whole(target, descriptor):
            with whole(target) as file:
                download = Download(descriptor, file, on_bytes)
                self._client.again(lambda: self._continue(download))
                download.check(str(self._client.reference))
        return target

    def _document(self, path: str, *none: int) -> tuple[bytes, httpx.Headers]:
        """A document and what is said of it; nothing where the status is one of `none`."""
        headers = {"Accept": _ACCEPTED}
        with self._client.answer("GET", path, self._scopes, headers=headers) as response:
            self._client.check(response, _OK, *none)
            found = response.status_code == _OK
            return self._all(response) if found else b"", response.headers

    def _all(self, response: httpx.Response) -> bytes:
        content = b""
        for chunk in self._client.body(response):
            content += chunk
            if len(content) > MOST_DOCUMENT_BYTES:
                raise InputError(
                    f"{self._client.reference} has more than {MOST_DOCUMENT_BYTES} bytes where a "
                    "manifest or a config should be"
                )
        return content

    def _continue(self, download: Download) -> None:
        """Ask for what has not come yet."""
        path = f"blobs/{download.descriptor.digest}"
        headers = {"Range": f"bytes={download.seen}-"} if download.seen else {}
        with self._client.answer("GET", path, self._scopes, headers=headers) as response:
            if response.status_code == _PAST_END:
                download.restart()
                raise Later("it has less than it had")
            self._client.check(response, _OK, _PARTIAL)
            begins = f"bytes {download.seen}-"
            if not response.headers.get("content-range", "").startswith(begins):
                download.restart()
                self._client.check(response, _OK)
            for chunk in self._client.body(response):
                download.take(chunk)
        if download.seen < download.descriptor.size:
            raise Later(f"{download.seen} of {download.descriptor.size} bytes came")


def _media_type(content: bytes, headers: httpx.Headers, what: str) -> str:
    """What a registry calls a document, else what it calls itself.

    Raises:
        InputError: It is neither an index nor a manifest that is read here.
    """
    said = own_name(headers.get("content-type", "").partition(";")[0].strip())
    if said not in {INDEX, MANIFEST}:
        said = own_name(text(parse(content, what), "mediaType", what))
    if said not in {INDEX, MANIFEST}:
        raise InputError(f"{what} is of a type that is not read: {said[:100]!r}")
    return said
