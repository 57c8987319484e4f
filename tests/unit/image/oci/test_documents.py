"""Documents that others wrote: read, or refused with the place that is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.image.oci.blobs import canonical
from holdfast.image.oci.config import config_of, read_config
from holdfast.image.oci.manifest import (
    NOTHING,
    artifact_of,
    check_image,
    index_of,
    read_index,
    read_manifest,
)
from holdfast.image.values import INDEX, MANIFEST, Blob
from tiny_images import AMD, ARM, image_of

DIGEST = "sha256:" + "0" * 64
NAMED = {"mediaType": "application/x", "digest": DIGEST, "size": 1}


def content(blob: Blob) -> bytes:
    assert isinstance(blob.content, bytes)
    return blob.content


def manifest(**more: Any) -> bytes:
    return canonical({"schemaVersion": 2, "config": NAMED, "layers": [NAMED], **more})


def test_what_is_made_is_read(tmp_path):
    each = [image_of(tmp_path, {"a": b"x"}, platform=one) for one in (AMD, ARM)]
    index = read_index(content(index_of(each, {})), "it")
    assert index.manifests == tuple(one.manifest.descriptor for one in each)
    found = read_manifest(content(each[0].manifest), "it")
    check_image(found, "it")
    assert found.layers == tuple(layer.blob.descriptor for layer in each[0].layers)
    config = read_config(content(each[0].config), "it")
    assert (config.platform, config.diff_ids) == (AMD, (each[0].layers[0].diff_id,))
    subject = each[0].manifest.descriptor
    artifact = artifact_of("application/x", subject, [], {"a": "b"})
    hung = read_manifest(content(artifact), "it")
    assert hung.subject is not None
    assert (hung.subject.digest, hung.artifact_type) == (subject.digest, "application/x")
    assert hung.config.digest == NOTHING.descriptor.digest
    assert artifact.descriptor.annotations == hung.annotations == {"a": "b"}


def test_json_is_the_same_for_the_same_values():
    assert canonical({"b": "ä", "a": [1, {"d": 1, "c": 2}]}) == (
        b'{"a":[1,{"c":2,"d":1}],"b":"\xc3\xa4"}'
    )


def test_history_says_how_each_layer_was_made(tmp_path):
    layers = image_of(tmp_path, {"a": b"x", "b": b"y"}).layers
    made = json.loads(content(config_of(AMD, layers, {}, "1970-01-01T00:00:00Z")))
    history = [{"created_by": "ENV A=B", "empty_layer": True}, *made["history"]]
    config = read_config(canonical({**made, "history": history}), "it")
    assert config.created_by == ("a", "b")
    assert read_config(canonical({**made, "history": None}), "it").created_by == ("", "")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b"[" * 100_000, "no JSON"),
        (b'{"schemaVersion": 2, "schemaVersion": 2}', "twice"),
        (b'{"schemaVersion": 1}', "schema version"),
        (manifest(mediaType=INDEX), "something else too"),
        (manifest(manifests=[]), "something else too"),
        (manifest(config=None), r"'it\.config' is no object"),
        (manifest(layers={}), r"'it\.layers' is no array"),
        (manifest(layers=[NAMED, {**NAMED, "size": -1}]), r"'it\.layers\[1\]\.size'"),
        (manifest(layers=[{**NAMED, "size": True}]), r"'it\.layers\[0\]\.size'"),
        (manifest(layers=[{**NAMED, "size": 1 << 60}]), r"'it\.layers\[0\]\.size'"),
        (manifest(layers=[{**NAMED, "digest": "sha512:" + "0" * 128}]), r"layers\[0\]\.digest"),
        (manifest(layers=[{**NAMED, "digest": 3}]), r"'it\.layers\[0\]\.digest'"),
        (manifest(layers=[{**NAMED, "annotations": {"a": 1}}]), r"annotations\.a' is no string"),
        (manifest(subject=[]), r"'it\.subject' is no object"),
        (manifest(annotations=[]), r"'it\.annotations' is no object"),
    ],
)
def test_a_manifest_that_is_none(document, words):
    with pytest.raises(InputError, match=words):
        read_manifest(document, "it")


def test_layers_that_cannot_be_read():
    with pytest.raises(InputError, match="of type 'application/x' cannot be read"):
        check_image(read_manifest(manifest(), "it"), "it")
    for count in (0, 128):
        with pytest.raises(InputError, match=f"has {count} layers"):
            check_image(read_manifest(manifest(layers=[NAMED] * count), "it"), "it")


def test_only_linux_counts_in_an_index():
    platforms = [
        {"os": "linux", "architecture": "amd64"},
        {"os": "windows", "architecture": "amd64"},
        {"os": "unknown", "architecture": "unknown"},
    ]
    document = {
        "schemaVersion": 2,
        "manifests": [{**NAMED, "mediaType": MANIFEST, "platform": one} for one in platforms],
    }
    found = read_index(canonical(document), "it")
    assert [one.platform for one in found.manifests] == [AMD]


_KEYS = [
    *("schemaVersion", "mediaType", "manifests", "config", "layers", "digest", "size"),
    *("platform", "os", "rootfs", "diff_ids", "history", "annotations", "architecture", "subject"),
]
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5)
    ),
    max_leaves=15,
)


@pytest.mark.parametrize("read", [read_manifest, read_index, read_config])
@given(st.one_of(st.binary(max_size=40), _json.map(lambda one: json.dumps(one).encode())))
def test_nothing_but_a_refusal_comes_of_anything(read, document):
    with suppress(InputError):
        read(document, "it")


@pytest.mark.parametrize("key", ["config", "layers", "subject", "annotations", "manifests"])
@pytest.mark.parametrize(("kind", "read"), [(MANIFEST, read_manifest), (INDEX, read_index)])
@given(_json)
def test_nothing_but_a_refusal_comes_of_a_manifest_with_something_in_it(kind, read, key, value):
    document = {"schemaVersion": 2, "mediaType": kind, "config": NAMED, key: value}
    with suppress(InputError):
        read(json.dumps(document).encode(), "it")
