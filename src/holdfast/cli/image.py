"""`holdfast image`: an OCI image from the seal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli import options
from holdfast.cli.output import open_output
from holdfast.cli.render import Screen, print_bytes, print_data, print_json, print_pairs
from holdfast.cli.slim import say_slim, slim_as_json
from holdfast.units import size

if TYPE_CHECKING:
    from holdfast.image.built import Built


def _listed(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Of "linux/amd64,linux/arm64", each."""
    del ctx, param
    return tuple(filter(None, (part.strip() for part in (value or "").split(","))))


@click.command("image")
@options.model
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to: an archive where it ends in .oci or .tar, else an OCI layout's folder.",
)
@click.option("--push", metavar="REFERENCE", help="A registry's: registry.example/churn:1.")
@click.option(
    "--base",
    envvar="HOLDFAST_IMAGE_BASE",
    show_envvar=True,
    help="What brings Python: a registry's reference, an OCI layout or archive, or the tar or "
    "folder of a root file system.",
)
@click.option(
    "--platform",
    "platforms",
    callback=_listed,
    help="linux/amd64, linux/arm64, or both with a comma between. By default this machine's.",
)
@click.option("--tag", default="latest", show_default=True, help="The image's name in a layout.")
@click.option("--gzip", is_flag=True, help="For clients that cannot read zstd.")
@click.option("--bytecode", is_flag=True, help="Compile modules: a quicker start, more bytes.")
@click.option(
    "--verify", is_flag=True, help="Verify the model here first; its receipt goes with a push."
)
@click.option("--sbom", metavar="FILE", help="Write the image's CycloneDX SBOM here, too.")
@click.option(
    "--dockerfile",
    type=click.Path(path_type=Path),
    help="Write a Dockerfile and all that it needs into this folder instead.",
)
@click.option(
    "--kubernetes", is_flag=True, help="Print manifests for what was pushed; it needs --push."
)
@options.how
@options.as_json
@options.talk
@click.pass_obj
def command(
    screen: Screen,
    /,
    uri: str,
    *,
    dockerfile: Path | None,
    kubernetes: bool,
    as_json: bool,
    sbom: str | None,
    **chosen: Any,
) -> None:
    """Make an OCI image that serves MODEL in its sealed environment: no Docker, no root.

    \b
    holdfast image models:/churn@champion --base python.tar -o churn.oci
    holdfast image models:/churn@champion --push registry.example/churn:1
    """  # noqa: D301 - click's sign for lines that stay as they are
    output, push = chosen["output"], chosen["push"]
    if dockerfile is not None:
        if output or push or kubernetes or sbom:
            raise click.UsageError("--dockerfile stands alone: it makes no image.")
        _write_dockerfile(screen, uri, dockerfile, chosen)
        return
    if output is None and push is None:
        raise click.UsageError("Say where to: -o a file or folder, or --push a reference.")
    if kubernetes and (push is None or as_json):
        raise click.UsageError("--kubernetes prints manifests of what --push has pushed.")
    from holdfast.image.build import build_image

    with screen.progress("making the image") as doing:
        built = build_image(uri, **chosen, sbom=sbom is not None, on_progress=doing)
    for note in built.notes:
        screen.say(f"note: {note}")
    say_slim(screen, built.slim)
    if sbom is not None:
        with open_output(sbom) as write:
            write(built.sbom())
    if kubernetes:
        from holdfast.image.texts.kubernetes import kubernetes as manifests

        name = built.reference.repository.rpartition("/")[2] if built.reference else ""
        print_bytes(manifests(built.pinned, name).encode())
    elif as_json:
        print_json(_as_json(built))
    elif screen.quiet:
        print_data(built.digest)
    else:
        print_pairs(_pairs(built))


def _write_dockerfile(screen: Screen, uri: str, folder: Path, chosen: dict[str, Any]) -> None:
    from holdfast.image.dockerfile import build_dockerfile

    wanted = ("slim", "slim_include", "offline", "strict")
    # The variable may name a file, which a Dockerfile cannot begin with.
    base = chosen["base"]
    named = base if base and not Path(base).expanduser().exists() else None
    with screen.progress("writing the Dockerfile") as doing:
        written = build_dockerfile(
            uri, folder, base=named, **{name: chosen[name] for name in wanted}, on_progress=doing
        )
    print_data(str(written))


def _pairs(built: Built) -> list[tuple[str, str]]:
    rows = [("digest", built.digest)]
    for image in built.images.images:
        whole = sum(layer.blob.descriptor.size for layer in image.layers)
        rows.append((str(image.platform), f"{size(whole)} in {len(image.layers)} layers"))
    if built.output is not None:
        rows.append(("written", str(built.output)))
    if built.pushed is not None:
        sent = built.pushed
        held = f"{sent.there} blobs were there, {sent.mounted} were mounted"
        rows.append(("pushed", built.pinned))
        rows.append(("sent", f"{sent.sent} parts, {size(sent.sent_bytes)}; {held}"))
    return rows


def _as_json(built: Built) -> dict[str, Any]:
    pushed = built.pushed
    return {
        "digest": built.digest,
        "images": [
            {
                "platform": str(image.platform),
                "digest": image.manifest.descriptor.digest,
                "size": sum(layer.blob.descriptor.size for layer in image.layers),
                "layers": [
                    {
                        "digest": layer.blob.descriptor.digest,
                        "size": layer.blob.descriptor.size,
                        "created_by": layer.created_by,
                    }
                    for layer in image.layers
                ],
            }
            for image in built.images.images
        ],
        "output": str(built.output) if built.output else None,
        "pushed": {
            "reference": built.pinned,
            "sent": pushed.sent,
            "bytes": pushed.sent_bytes,
            "mounted": pushed.mounted,
            "there": pushed.there,
        }
        if pushed
        else None,
        "slim": slim_as_json(built.slim),
        "notes": list(built.notes),
    }
