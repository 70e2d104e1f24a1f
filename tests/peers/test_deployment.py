"""What deploy/ has for containers: the image's recipe and the Kubernetes
manifests, as far as they can be tried without an engine or a cluster."""

import fnmatch
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

from gateway import ROOT, postern

KUBERNETES = ROOT / "deploy/kubernetes"
CONTAINERFILE = ROOT / "deploy/oci/Containerfile"
PROGRAMS = pathlib.Path(sys.executable).parent
# The oldest that is still looked after by those who sell it, and the newest that the schemas know.
VERSIONS = ("1.31", "1.37")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """All of it as `kubectl apply -k` would send it, in a file."""
    file = tmp_path_factory.mktemp("kubernetes") / "all.yaml"
    file.write_text(subprocess.run([PROGRAMS / "kubectl", "kustomize", KUBERNETES], capture_output=True, text=True,
                                   check=True).stdout)
    return file


@pytest.fixture(scope="module")
def objects(together):
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(together.read_text())}


def test_the_manifests_are_what_the_schemas_of_kubernetes_say(together, objects, tmp_path):
    known = [one for one in objects.values() if "monitoring.coreos.com" not in one["apiVersion"]]
    assert {one["kind"] for one in known} == {
        "Namespace", "ConfigMap", "Service", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy"}
    file = tmp_path / "known.yaml"
    file.write_text(yaml.safe_dump_all(known))
    for version in VERSIONS:
        said = run(PROGRAMS / "kubernetes-validate", "--strict", "-k", version, file)
        assert said.count("passed") == len(known), said
    # And a slip is seen.
    file.write_text(file.read_text().replace("runAsNonRoot", "runAsNonroot"))
    slip = subprocess.run([PROGRAMS / "kubernetes-validate", "--strict", file], capture_output=True, check=False)
    assert slip.returncode != 0


def test_all_that_is_named_is_there(objects):
    """Ports by name, the volumes' sources, what the selectors choose."""
    pod = objects["StatefulSet", "postern"]["spec"]["template"]
    [container] = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "metrics"
    services = [one for (kind, _), one in objects.items() if kind == "Service"]
    for service in services:
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports.keys()
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert objects["StatefulSet", "postern"]["spec"]["serviceName"] in [one["metadata"]["name"] for one in services]
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        spec = objects[kind, "postern"]["spec"]
        chosen = (spec.get("selector") or spec["podSelector"])["matchLabels"]
        assert chosen.items() <= pod["metadata"]["labels"].items()
    let_in = {port["port"] for rule in objects["NetworkPolicy", "postern"]["spec"]["ingress"] for port in rule["ports"]}
    assert let_in == ports.keys()
    claims = {claim["metadata"]["name"] for claim in objects["StatefulSet", "postern"]["spec"]["volumeClaimTemplates"]}
    volumes = claims | {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    assert ("ConfigMap", pod["spec"]["volumes"][0]["configMap"]["name"]) in objects


def test_the_service_monitor_finds_the_metrics(objects):
    """Its schema is the operator's, which no registry ships: its shape is held to what the operator documents."""
    monitor = objects["ServiceMonitor", "postern"]
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["spec"].keys() == {"selector", "endpoints"}
    [endpoint] = monitor["spec"]["endpoints"]
    assert endpoint.keys() <= {"port", "interval", "path", "scheme", "scrapeTimeout", "honorLabels", "relabelings"}
    labels = monitor["spec"]["selector"]["matchLabels"].items()
    scraped = [one["metadata"]["name"] for (kind, _), one in objects.items()
               if kind == "Service" and labels <= one["metadata"]["labels"].items()
               and endpoint["port"] in [port["name"] for port in one["spec"]["ports"]]]
    assert scraped == ["postern-pods"], "each pod is scraped once"


def test_no_pod_asks_for_more_than_the_strictest_profile_allows(objects):
    """Pod Security Standards, restricted; and a root file system that is read only."""
    assert objects["Namespace", "postern"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pod = objects["StatefulSet", "postern"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys()
    assert all(volume.keys() & {"configMap", "secret"} for volume in pod["volumes"])
    assert pod["automountServiceAccountToken"] is False
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def test_the_configuration_of_the_manifests_has_no_fault_and_fits_them(objects, home):
    text = objects["ConfigMap", "postern"]["data"]["postern.toml"]
    pod = objects["StatefulSet", "postern"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert container["args"][:3] == ["run", "--config", mounts["configuration"]]
    assert mounts["configuration"] == "/etc/postern/postern.toml"
    assert f'data_dir      = "{mounts["data"]}"' in text
    assert pathlib.PurePath(mounts["certificates"]) == pathlib.PurePath("/etc/postern") / "certs"
    listened = {int(port) for port in re.findall(r'address *= "0\.0\.0\.0:(\d+)"', text)}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert listened == set(ports.values()) - {ports["console"]}
    # Laid out as the mounts do, and checked by Postern itself.
    run(ROOT / "deploy/lab/certificates", home / "certs", "tls")
    (home / "certs/tls.pem").rename(home / "certs/tls.crt")
    for file in (home / "certs").iterdir():
        file.chmod(pod["volumes"][1]["secret"]["defaultMode"])
    (home / "group").mkdir()
    (home / "group/passage.key").write_bytes(os.urandom(32))
    (home / "postern.toml").write_text(text.replace("/etc/postern/policies", str(ROOT / "policies"))
                                       .replace("/var/lib/postern", str(home / "data")))
    done = postern("check", "--config", home / "postern.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_recipe_of_the_image_has_no_fault():
    run(PROGRAMS / "hadolint", CONTAINERFILE)


def instructions():
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def test_the_image_is_built_of_all_that_the_build_reads_and_of_nothing_that_is_not_there():
    sources = []
    for instruction, rest in instructions():
        if instruction == "COPY" and "--from" not in rest:
            sources += rest.split()[:-1]
    for source in sources:
        assert any(ROOT.glob(source)) or "[" in source, f"COPY {source}"

    def copied(path):
        first = path.relative_to(ROOT).parts[0]
        return any(fnmatch.fnmatch(first, source) for source in sources)

    # Of what stands beside src/, what cargo and the macros read.
    for name in ("Cargo.toml", "Cargo.lock", "askama.toml", "build.rs"):
        assert not (ROOT / name).exists() or copied(ROOT / name), f"{name} is not copied"
    for file in (ROOT / "src").rglob("*.rs"):
        code = file.read_text().split("#[cfg(test)]")[0]
        for included in re.findall(r'include_(?:str|bytes)!\((?:concat!\()?"([^"]+)"', code):
            assert copied((file.parent / included).resolve()), f"{file} includes {included}"


def test_the_image_runs_as_nobody_in_particular_and_asks_how_it_is(home):
    said = instructions()
    last = dict(said[[instruction for instruction, _ in said].index("FROM", 1):])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    assert last["VOLUME"] == '["/var/lib/postern"]'
    # Commands that there are, with arguments that they know.
    health = re.search(r"CMD (\[.*\])", last["HEALTHCHECK"])[1]
    program, command, *options = yaml.safe_load(health)
    assert program == yaml.safe_load(last["ENTRYPOINT"])[0] == "/usr/bin/postern"
    done = postern(command, *options, "--address", "127.0.0.1:9")
    assert done.returncode == 1, "nobody answers there, and Docker knows 0 and 1 alone"
    run_command = yaml.safe_load(last["CMD"])
    run_command[run_command.index("--config") + 1] = str(home / "not-there.toml")
    assert postern(*run_command).returncode == 66
