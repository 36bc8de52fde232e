"""Validates manifests strictly against Kubernetes' own schemas. Standard input: {"versions": [...], "manifests": [...]}.
Prints one line of JSON: {"problems": [what a manifest violates], "unnoticed": [required fields whose absence no schema
notices], "removed": how many were removed}."""
import copy
import json
import sys

import kubernetes_validate


def problem(manifest, version):
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
        return None
    except kubernetes_validate.ValidationError as error:
        return f"{version} {manifest.get('kind')} {'.'.join(map(str, error.path))}: {error.message[:200]}"


# What the API server wants and no schema marks: https://kubernetes.io/docs/concepts/overview/working-with-objects/
ALWAYS = [("apiVersion",), ("kind",)]


def required(manifest, schema, root, path=()):
    """The paths of all required fields that are there."""
    while "$ref" in schema:
        schema = root[schema["$ref"].split("/")[-1]]
    if isinstance(manifest, dict):
        for name in schema.get("required", []):
            if name in manifest:
                yield (*path, name)
        for name, value in manifest.items():
            below = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if isinstance(below, dict):
                yield from required(value, below, root, (*path, name))
    elif isinstance(manifest, list):
        for index, value in enumerate(manifest):
            yield from required(value, schema.get("items", {}), root, (*path, index))


def without(manifest, path):
    changed = copy.deepcopy(manifest)
    at = changed
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return changed


def schema_of(manifest, version):
    group, _, api = manifest["apiVersion"].rpartition("/")
    name = "-".join(filter(None, [manifest["kind"].lower(), group.split(".")[0], api]))
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    read = kubernetes_validate.utils.schema_contents
    return read(f"{folder}/{name}.json", version), read(f"{folder}/_definitions.json", version)["$defs"]


asked = json.load(sys.stdin)
problems, unnoticed, removed = [], [], 0
for manifest in asked["manifests"]:
    problems += filter(None, (problem(manifest, version) for version in asked["versions"]))
    newest = asked["versions"][-1]
    schema, definitions = schema_of(manifest, newest)
    for path in {*required(manifest, schema, definitions), *ALWAYS}:
        removed += 1
        try:
            noticed = problem(without(manifest, path), newest)
        except Exception:  # Without its kind there is no schema for it.
            noticed = path in ALWAYS
        if not noticed:
            unnoticed.append(f"{manifest['kind']} {'.'.join(map(str, path))}")
print(json.dumps({"problems": problems, "unnoticed": unnoticed, "removed": removed}))
