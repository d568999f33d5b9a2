#!/usr/bin/env python3
"""Makes an OCI image of a root file system, without a container engine.

    oci.py ROOT OUT VERSION REVISION

OUT becomes an OCI layout (`skopeo copy oci:OUT:VERSION ...`, `docker load` of its tar). The same files give the same
digests: times, owners and the order are fixed. Prints the manifest's digest and the sizes.
"""

import gzip
import hashlib
import io
import json
import pathlib
import platform
import shutil
import sys
import tarfile

USER = "65532:65532"


def layer(root):
    """The files as a tar, and the same compressed."""
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            entry = tar.gettarinfo(path, arcname=str(path.relative_to(root)))
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = ""
            # Hard links of the machine that made it are none of the image's.
            if path.is_file() and not path.is_symlink():
                entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(entry, file)
            else:
                tar.addfile(entry)
    plain = tar_bytes.getvalue()
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=9) as file:
        file.write(plain)
    return plain, packed.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def main():
    root, out, version, revision = sys.argv[1:]
    out = pathlib.Path(out)
    shutil.rmtree(out, ignore_errors=True)
    blobs = out / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data, media_type):
        (blobs / digest(data).split(":")[1]).write_bytes(data)
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    def put_json(value, media_type):
        return put(json.dumps(value, sort_keys=True).encode(), media_type)

    labels = {
        "org.opencontainers.image.title": "rollcall",
        "org.opencontainers.image.description": "Keeps the true, live state of every WhatsApp group that a business runs",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.revision": revision,
    }
    plain, packed = layer(pathlib.Path(root))
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": USER,
            "Entrypoint": ["/usr/bin/rollcall"],
            "Env": ["PATH=/usr/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
    }
    kind = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{kind}.manifest.v1+json",
        "config": put_json(config, f"{kind}.config.v1+json"),
        "layers": [put(packed, f"{kind}.layer.v1.tar+gzip")],
        "annotations": labels,
    }
    entry = put_json(manifest, f"{kind}.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": version}
    entry["platform"] = {"architecture": architecture, "os": "linux"}
    index = {"schemaVersion": 2, "mediaType": f"{kind}.index.v1+json", "manifests": [entry]}
    (out / "index.json").write_text(json.dumps(index, sort_keys=True))
    (out / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    print(f"image {version} {entry['digest']}: {len(packed) / 1e6:.1f} MB packed, {len(plain) / 1e6:.1f} MB unpacked")


if __name__ == "__main__":
    main()
