#!/usr/bin/env python3
"""Makes the schemas beside it: of each kind that the manifests use, without descriptions, and strict.

    make.py swagger.json CRD.yaml...

`swagger.json` is Kubernetes' own (api/openapi-spec in the module k8s.io/kubernetes); the CRDs are the Prometheus
operator's (example/prometheus-operator-crd in its module) and Strimzi's. README.md names the versions.
Needs PyYAML.
"""

import json
import pathlib
import sys

import yaml

# A lone "=" is a value of an enum in some CRDs; PyYAML takes it for an operator.
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)

HERE = pathlib.Path(__file__).parent
KINDS = {
    "io.k8s.api.apps.v1.Deployment": "deployment-apps-v1",
    "io.k8s.api.apps.v1.StatefulSet": "statefulset-apps-v1",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler": "horizontalpodautoscaler-autoscaling-v2",
    "io.k8s.api.core.v1.ConfigMap": "configmap-v1",
    "io.k8s.api.core.v1.Namespace": "namespace-v1",
    "io.k8s.api.core.v1.Service": "service-v1",
    "io.k8s.api.networking.v1.NetworkPolicy": "networkpolicy-networking-v1",
    "io.k8s.api.policy.v1.PodDisruptionBudget": "poddisruptionbudget-policy-v1",
}
CUSTOM = {"Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "PodMonitor", "PrometheusRule"}
# Words of OpenAPI that say nothing about what is valid, or that JSON schema does not know.
WORDS = {"description", "default", "example"}


def strict(schema):
    """Without words for people; an object has no fields but those that are named."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: strict(field) for name, field in value.items()}
        elif key in WORDS or key.startswith("x-") or key == "format":
            continue
        else:
            out[key] = strict(value)
    if "properties" in out and not schema.get("x-kubernetes-preserve-unknown-fields"):
        out.setdefault("additionalProperties", False)
    return out


def reachable(name, definitions, found):
    if name in found:
        return
    found[name] = strict(definitions[name])
    if name.endswith(".Quantity"):
        found[name] = {"type": ["string", "number"]}
    text = json.dumps(found[name])
    for part in text.split('"#/definitions/')[1:]:
        reachable(part.split('"')[0], definitions, found)


def write(name, schema, note):
    path = HERE / f"{name}.json"
    head = {"$comment": note}
    path.write_text(json.dumps(head | schema, sort_keys=True, separators=(",", ":")) + "\n")


def main():
    swagger, *crds = sys.argv[1:]
    document = json.loads(pathlib.Path(swagger).read_text())
    definitions = document["definitions"]
    for full, name in KINDS.items():
        found = {}
        reachable(full, definitions, found)
        schema = found.pop(full)
        write(name, schema | {"definitions": found}, f"Kubernetes {document['info']['version']}")
    for path in crds:
        for crd in yaml.safe_load_all(pathlib.Path(path).read_text()):
            kind, group = crd["spec"]["names"]["kind"], crd["spec"]["group"]
            for version in crd["spec"]["versions"] if kind in CUSTOM else []:
                schema = strict(version["schema"]["openAPIV3Schema"])
                # The API server's own, whatever a resource says of it.
                for field in ("apiVersion", "kind"):
                    schema["properties"].setdefault(field, {"type": "string"})
                schema["properties"]["metadata"] = {"type": "object"}
                write(f"{kind.lower()}-{group.split('.')[0]}-{version['name']}", schema, f"{kind} of {group}")


if __name__ == "__main__":
    main()
