"""Pushing images: what the registry lacks, its manifests after it, the tag last.

A tag never names something half-pushed: it is moved when all that hangs on it is there. OCI
distribution specification 1.1, "Push".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import httpx

from holdfast.errors import InputError, MismatchError, ToolError
from holdfast.image.oci.blobs import OnBytes, blobs_of, opened
from holdfast.image.oci.manifest import read_manifest
from holdfast.image.oci.together import side_by_side
from holdfast.image.registry.client import ELSEWHERE, Body, Client
from holdfast.image.registry.reference import Reference, parse_reference
from holdfast.image.registry.referrers import fallback_tag, with_referrer
from holdfast.image.registry.repository import Repository
from holdfast.image.registry.tally import Part, Tally
from holdfast.image.values import Blob, Images
from holdfast.progress import Progress, silent

# httpx sends a piece by cutting what is left of it: greater ones are slower.
_PIECE_BYTES = 1 << 17
_OK, _CREATED, _ACCEPTED, _NOT_FOUND = 200, 201, 202, 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push did.

    Attributes:
        digest: What the tag names now.
        sent: How many blobs and manifests were sent.
        sent_bytes: All their bytes.
        mounted: How many blobs another repository of the registry had.
        there: How many blobs were there already.
    """

    digest: str
    sent: int
    sent_bytes: int
    mounted: int
    there: int


def push(images: Images, reference: Reference | str, on_progress: Progress = silent) -> Pushed:
    """Push images, and what hangs on them.

    Args:
        images: What is pushed.
        reference: Where, and under which tag.
        on_progress: Told how much was sent.

    Raises:
        InputError: The reference is none, or names a digest that the images do not have.
        MismatchError: A blob is not what its descriptor says, or the registry took it for another.
        ToolError: The registry failed, or does not let us.
    """
    if isinstance(reference, str):
        reference = parse_reference(reference)
    if reference.digest and reference.digest != images.top.descriptor.digest:
        raise MismatchError(
            f"{reference} is to be pushed, and what was made is {images.top.descriptor.digest}"
        )
    manifests = [one.manifest for one in images.images]
    if images.index is not None:
        manifests.append(images.index)
    named = {one.descriptor.digest for one in (*manifests, *images.attachments)}
    blobs = [one for one in blobs_of(images) if one.descriptor.digest not in named]
    with closing(Client(reference)) as client:
        pushing = _Pushing(client, Tally(on_progress, f"pushing {reference}"))
        done = pushing.blobs(blobs, _sources(images, reference.host))
        for manifest in manifests:
            # What only its tag leads to is sent once, under that.
            if manifest is not images.top or images.attachments or not reference.tag:
                pushing.manifest(manifest, manifest.descriptor.digest)
        for attachment in images.attachments:
            pushing.attachment(attachment)
        if reference.tag:
            pushing.manifest(images.top, reference.tag)
    return _summary(images, manifests, blobs, done)


def _sources(images: Images, host: str) -> dict[str, str]:
    """Blobs that lie in this registry already, each with its repository."""
    found = {}
    for layer in (layer for image in images.images for layer in image.layers):
        registry, _, repository = layer.source.partition("/")
        if registry == host:
            found[layer.blob.descriptor.digest] = repository
    return found


def _summary(images: Images, manifests: list[Blob], blobs: list[Blob], done: list[str]) -> Pushed:
    sent = [blob for blob, how in zip(blobs, done, strict=True) if how == "sent"]
    sent += [*manifests, *images.attachments]
    return Pushed(
        digest=images.top.descriptor.digest,
        sent=len(sent),
        sent_bytes=sum(blob.descriptor.size for blob in sent),
        mounted=done.count("mounted"),
        there=done.count("there"),
    )


class _Pushing:
    """One push: to one repository, as whom the registry knows us."""

    def __init__(self, client: Client, tally: Tally) -> None:
        self._client = client
        self._tally = tally
        self._repository = client.reference.repository
        self._scopes = (f"repository:{self._repository}:pull,push",)

    def blobs(self, blobs: list[Blob], sources: dict[str, str]) -> list[str]:
        """Have them all there; says of each whether it was "there", "mounted" or "sent"."""
        return side_by_side(
            [
                partial(self._blob, blob, sources.get(blob.descriptor.digest, self._repository))
                for blob in blobs
            ],
            self._tally.add,
        )

    def _blob(self, blob: Blob, source: str, on_bytes: OnBytes) -> str:
        digest = blob.descriptor.digest
        if self._client.again(lambda: self._has(digest)):
            return "there"
        if source != self._repository and self._mounts(digest, source):
            return "mounted"
        sending = Part(on_bytes)
        self._client.again(lambda: self._upload(blob, sending))
        return "sent"

    def _has(self, digest: str) -> bool:
        with self._client.answer("HEAD", f"blobs/{digest}", self._scopes) as response:
            # One that says where the blob lies has it, and may not let us ask there.
            self._client.check(response, _OK, _NOT_FOUND, *ELSEWHERE)
            return response.status_code != _NOT_FOUND

    def _mounts(self, digest: str, source: str) -> bool:
        """Whether the registry takes the blob from another of its repositories.

        It opens an upload instead where it does not, which it forgets when nothing comes; where it
        refuses altogether, uploading will say why.
        """
        scopes = (*self._scopes, f"repository:{source}:pull")
        query = httpx.QueryParams({"mount": digest, "from": source})
        try:
            with self._client.answer("POST", f"blobs/uploads/?{query}", scopes) as response:
                return response.status_code == _CREATED
        except (InputError, ToolError, httpx.HTTPError):
            return False

    def _upload(self, blob: Blob, sending: Part) -> None:
        """Send a blob in one piece, the way that all registries take."""
        sending.back()
        with self._client.answer("POST", "blobs/uploads/", self._scopes) as response:
            self._client.check(response, _ACCEPTED)
            place = str(self._client.led_to(response))
        # What a registry put into the address is not ours to parse and write anew.
        url = f"{place}{'&' if '?' in place else '?'}digest={blob.descriptor.digest}"
        size = blob.descriptor.size
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        body = Body(size, lambda: _pieces(blob, sending))
        with self._client.answer("PUT", url, self._scopes, headers=headers, body=body) as response:
            self._client.check(response, _CREATED)

    def manifest(self, blob: Blob, name: str) -> httpx.Headers:
        """Put a manifest or an index under a tag, or its digest; what the registry says of it."""
        return self._client.again(lambda: self._put(blob, name))

    def _put(self, blob: Blob, name: str) -> httpx.Headers:
        with opened(blob) as stream:
            content = stream.read()
        headers = {"Content-Type": blob.descriptor.media_type}
        body, path = Body(len(content), lambda: content), f"manifests/{name}"
        with self._client.answer("PUT", path, self._scopes, headers=headers, body=body) as response:
            self._client.check(response, _CREATED)
            said = response.headers.get("docker-content-digest", blob.descriptor.digest)
            if said != blob.descriptor.digest:
                raise MismatchError(
                    f"{self._client.reference.host} took {blob.descriptor.digest} for {said[:80]!r}"
                )
            return response.headers

    def attachment(self, blob: Blob) -> None:
        """Put an attachment's manifest, where those find it who ask what hangs on its subject.

        A registry that keeps that list says so; for one that does not, it is kept under a tag.
        """
        assert isinstance(blob.content, bytes)  # noqa: S101  # manifests are made in memory
        subject = read_manifest(blob.content, "an attachment").subject
        headers = self.manifest(blob, blob.descriptor.digest)
        if subject is None or "oci-subject" in headers:
            return
        tag = fallback_tag(subject.digest)
        before = Repository(self._client).read_tag(tag)
        self.manifest(with_referrer(before, blob.descriptor), tag)


def _pieces(blob: Blob, sending: Part) -> Iterator[bytes]:
    with opened(blob) as stream:
        while piece := stream.read(_PIECE_BYTES):
            yield piece
            sending.add(len(piece))
