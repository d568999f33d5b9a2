#!/usr/bin/env python3
"""What the binary is made of: a CycloneDX bill of materials, and a list of licences for people.

    sbom.py OUT          writes OUT/sbom.cdx.json and OUT/licences.txt

From `cargo metadata` of the locked dependencies, those of tests left out. C libraries that crates bundle
(librdkafka, SQLite, jemalloc, zstd) are in the crates that are named; Debian's libraries carry their own in the image.
"""

import json
import pathlib
import subprocess
import sys

TARGET = "x86_64-unknown-linux-gnu"


def closure(metadata):
    """Packages that the binary is built from, build scripts included."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    todo = [key for key, package in packages.items() if package["name"] == "rollcall"]
    found = {}
    while todo:
        key = todo.pop()
        if key in found:
            continue
        found[key] = packages[key]
        for dependency in nodes[key]["deps"]:
            if any(kind["kind"] in (None, "build") for kind in dependency["dep_kinds"]):
                todo.append(dependency["pkg"])
    return sorted(found.values(), key=lambda package: (package["name"], package["version"]))


def component(package):
    purl = f"pkg:cargo/{package['name']}@{package['version']}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": package["name"],
        "version": package["version"],
        "purl": purl,
        "licenses": [{"expression": package["license"].replace("/", " OR ")}] if package["license"] else [],
    }


def main():
    out = pathlib.Path(sys.argv[1])
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    packages = closure(metadata)
    (ours,) = (package for package in packages if package["name"] == "rollcall")
    others = [package for package in packages if package["source"]]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**component(ours), "type": "application"}},
        "components": [component(package) for package in others],
    }
    (out / "sbom.cdx.json").write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    lines = [f"{package['name']} {package['version']}: {package['license']}" for package in others]
    (out / "licences.txt").write_text("\n".join(lines) + "\n")
    unlicensed = [package["name"] for package in others if not package["license"]]
    if unlicensed:
        sys.exit(f"no licence is named by {', '.join(unlicensed)}")
    print(f"{len(others)} crates in sbom.cdx.json and licences.txt")


if __name__ == "__main__":
    main()
