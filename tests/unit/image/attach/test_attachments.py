"""What hangs on an image: SBOM, provenance and receipt, of a seal that is kept for ever."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import replace

import pytest
from packaging.tags import platform_tags

from holdfast.environment.plan import choose
from holdfast.environment.python import read_facts
from holdfast.image.attach.attach import PROVENANCE, RECEIPT, SBOM, attachments
from holdfast.image.values import CONFIG, EMPTY, MANIFEST, Blob, Descriptor, Image, Platform
from holdfast.lock.target import Target
from holdfast.model import open_model
from holdfast.seal.seal import SealedIndex
from holdfast.uv import run_uv
from holdfast.verify.receipt import Check, Receipt, Status
from kit import REPOSITORY

KEPT = REPOSITORY / "tests" / "compat" / "0.1.0"
BASE = "sha256:" + "b" * 64
GIT = """lock-version = "1.0"
created-by = "test"

[[packages]]
name = "kelp"
version = "1.0"
vcs = { type = "git", url = "https://ada:secret@git.example/kelp.git", commit-id = "%s" }
""" % ("c" * 40)


def _blob(content, media_type):
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    descriptor = Descriptor(
        media_type=media_type, digest=digest, size=len(content), annotations={"any": "word"}
    )
    return Blob(descriptor=descriptor, content=content)


IMAGE = Image(
    platform=Platform("amd64"),
    manifest=_blob(b'{"an": "image"}', MANIFEST),
    config=_blob(b'{"a": "config"}', CONFIG),
    layers=(),
)
RECEIPT_MADE = Receipt(
    model="models:/kept/1",
    seal="5" * 64,
    grade="locked",
    created="2026-11-21T10:00:00+00:00",
    environment="e" * 40,
    machine={},
    checks=(Check(name="predictions", status=Status.MATCH, summary="identical"),),
)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    facts = read_facts(sys.executable, tmp_path_factory.mktemp("pythons"))
    return Target.from_facts(facts, platform_tags())


@pytest.fixture(scope="module")
def packages(target):
    return choose((KEPT / "pylock.toml").read_text(), target)


@pytest.fixture(scope="module")
def model():
    return open_model(KEPT)


def _attached(kind, manifests, blobs):
    """The document of that kind: found as a registry's client finds it, by digests."""
    by_digest = {blob.descriptor.digest: blob.content for blob in blobs}
    (manifest,) = (one for one in manifests if one.descriptor.artifact_type == kind)
    (layer,) = json.loads(manifest.content)["layers"]
    assert layer["mediaType"] == kind
    return json.loads(by_digest[layer["digest"]])


@pytest.fixture(scope="module")
def made(model, packages):
    return attachments(
        IMAGE, model, packages, "registry.example/python:3.11", BASE, RECEIPT_MADE,
        gateway=packages[:2],
    )  # fmt: skip


@pytest.fixture(scope="module")
def bill(made):
    return _attached(SBOM, *made)


def test_each_is_an_artifact_of_the_image(made):
    manifests, blobs = made
    assert [one.descriptor.artifact_type for one in manifests] == [SBOM, PROVENANCE, RECEIPT]
    there = {blob.descriptor.digest: blob for blob in blobs}
    for blob in (*manifests, *blobs):
        assert blob.descriptor.digest == f"sha256:{hashlib.sha256(blob.content).hexdigest()}"
        assert blob.descriptor.size == len(blob.content)
    for one in manifests:
        manifest = json.loads(one.content)
        assert manifest["mediaType"] == one.descriptor.media_type == MANIFEST
        assert manifest["artifactType"] == one.descriptor.artifact_type
        assert manifest["config"] == {
            "mediaType": EMPTY,
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "size": 2,
        }
        subject = IMAGE.manifest.descriptor
        assert manifest["subject"] == {
            "mediaType": MANIFEST, "digest": subject.digest, "size": subject.size
        }  # fmt: skip
        assert {manifest["config"]["digest"], manifest["layers"][0]["digest"]} <= there.keys()
        assert manifest.get("annotations", {}) == dict(one.descriptor.annotations)


def test_the_same_image_has_the_same_attachments(made, model, packages):
    arguments = (packages, "registry.example/python:3.11", BASE, RECEIPT_MADE)
    again = attachments(IMAGE, model, *arguments, gateway=packages[:2])
    assert again == made
    other = replace(IMAGE, manifest=_blob(b'{"another": "image"}', MANIFEST))
    bills = [_attached(SBOM, *attachments(one, model, *arguments)) for one in (IMAGE, other)]
    assert bills[0] == bills[1], "a registry that has one has the other's"
    fewer = _attached(SBOM, *attachments(IMAGE, model, packages[1:], *arguments[1:]))
    assert fewer["serialNumber"] != bills[0]["serialNumber"]


def test_where_the_model_lies_does_not_show(made, packages, tmp_path):
    elsewhere = open_model(shutil.copytree(KEPT, tmp_path / "elsewhere"))
    arguments = (packages, "registry.example/python:3.11", BASE, RECEIPT_MADE)
    assert attachments(IMAGE, elsewhere, *arguments, gateway=packages[:2]) == made


def test_without_a_receipt_none_is_attached(model, packages):
    manifests, blobs = attachments(IMAGE, model, packages, "base.tar", BASE, None)
    assert [one.descriptor.artifact_type for one in manifests] == [SBOM, PROVENANCE]
    assert len(blobs) == 3


def test_the_bill_is_what_the_specification_allows(bill, tmp_path):
    path = tmp_path / "bill.json"
    path.write_text(json.dumps(bill))
    check = (
        "import sys; from cyclonedx.validation.json import JsonStrictValidator as V; "
        "from cyclonedx.schema import SchemaVersion as S; "
        "sys.exit(str(V(S.V1_6).validate_str(open(sys.argv[1]).read()) or '') or None)"
    )
    with_schemas = ["--with", "cyclonedx-python-lib[json-validation]>=11"]
    isolated = ["run", "--quiet", "--no-project", "--isolated", "--python", sys.executable]
    run_uv([*isolated, *with_schemas, "python", "-c", check, path])


def test_the_bill_has_every_package_with_the_locks_hash(bill, packages):
    found = {one["bom-ref"]: one for one in bill["components"]}
    assert len(found) == len(packages) + 2 + 1, "packages, the gateway's, and the base"
    for package in packages:
        one = found[f"environment/{package.chosen.name}"]
        assert one["version"] == package.chosen.version
        assert one["hashes"] == [{"alg": "SHA-256", "content": package.chosen.sha256}]
    numpy = found["environment/numpy"]
    assert numpy["purl"] == f"pkg:pypi/numpy@{numpy['version']}"
    assert numpy["externalReferences"][0]["url"].endswith(".whl")


def test_first_party_code_has_no_public_packages_name(bill):
    (own,) = (one for one in bill["components"] if one["bom-ref"] == "environment/trainer")
    assert own["purl"].startswith("pkg:generic/trainer@1.0.0?checksum=sha256:")
    assert "externalReferences" not in own


def test_the_bill_names_the_base_and_nothing_of_the_model(bill, model):
    (base,) = (one for one in bill["components"] if one["type"] == "container")
    assert base["name"] == "registry.example/python:3.11"
    assert base["version"] == BASE
    assert "timestamp" not in bill["metadata"]
    assert model.digest not in json.dumps(bill)


def test_the_bill_says_who_needs_whom(bill, packages):
    edges = {one["ref"]: set(one.get("dependsOn", ())) for one in bill["dependencies"]}
    assert edges["image"] >= {"base", *(f"environment/{one.chosen.name}" for one in packages)}
    assert edges["environment/pandas"] >= {"environment/numpy", "environment/python-dateutil"}
    assert not edges["environment/numpy"]


def test_a_package_of_a_declared_index_is_not_the_public_one(model, packages):
    urls = {package.chosen.index for package in packages} - {None}
    indexes = tuple(SealedIndex(name="own", url=f"{url}/") for url in urls)
    declared = replace(model, seal=replace(model.seal, indexes=indexes))
    bill = _attached(SBOM, *attachments(IMAGE, declared, packages, "base", BASE))
    (numpy,) = (one for one in bill["components"] if one["name"] == "numpy")
    assert "?repository_url=https://index.example/simple" in numpy["purl"]


def test_provenance_names_what_went_in(made, model):
    statement = _attached(PROVENANCE, *made)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    (subject,) = statement["subject"]
    assert f"sha256:{subject['digest']['sha256']}" == IMAGE.manifest.descriptor.digest
    went_in = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    digests = {one["digest"].get("sha256") for one in went_in}
    assert digests >= {BASE.removeprefix("sha256:"), model.digest, model.seal.lock}
    assert statement["predicate"]["buildDefinition"]["externalParameters"]["platform"] == (
        "linux/amd64"
    )


def test_credentials_are_in_no_attachment(model, target):
    packages = choose(GIT, target)
    base = "https://ada:secret@registry.example/python"
    manifests, blobs = attachments(IMAGE, model, packages, base, BASE)
    everything = b"".join(blob.content for blob in (*manifests, *blobs))
    assert b"secret" not in everything
    assert b"git.example/kelp.git" in everything


def test_the_receipt_is_attached_as_it_is(made):
    assert _attached(RECEIPT, *made) == json.loads(json.dumps(RECEIPT_MADE.to_dict()))
    annotations = next(
        one.descriptor.annotations for one in made[0] if one.descriptor.artifact_type == RECEIPT
    )
    assert annotations["dev.holdfast.matches"] == "true"
