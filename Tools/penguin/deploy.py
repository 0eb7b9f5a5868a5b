"""The check of deploy/kubernetes: by Kubernetes' own schemas, which a package brings, and by what this product needs of its manifests."""

import re
import subprocess
import sys
from functools import cache

from penguin import services
from penguin.compose import GATEWAY, GATEWAY_PLAIN, INTERNAL, PUBLIC
from penguin.docs_known import Known
from penguin.kubernetes import MORE
from penguin.layout import ROOT, SERVICES, Layout
from penguin.terminal import Failure, say

FOLDER = ROOT / "deploy" / "kubernetes"
VALIDATOR = "kubernetes-validate==1.37.0"
PART = "app.kubernetes.io/name"
# What a service may do whatever its own code says: the limits of all plans are Billing's, and the status looks at everybody.
SHARED_PEERS = {r"\bPlanPlaces\(|\bResourceRecount\(": {"billing"}, r"service\.allCases|ServiceName\.allCases": set(SERVICES)}


def faults(folder=FOLDER):
    """What the schemas say, then what this product says."""
    return _schema_faults(folder) + Manifests(folder).faults()


def _schema_faults(folder):
    environment = Layout().folder / "kubernetes"
    program = environment / "bin" / "kubernetes-validate"
    if not program.exists():
        say(f"  Installing {VALIDATOR} …")
        pip = environment / "bin" / "pip"
        for step in ([sys.executable, "-m", "venv", environment], [pip, "install", "-q", "--disable-pip-version-check", VALIDATOR]):
            if subprocess.run([str(word) for word in step]).returncode != 0:
                raise Failure(f"{VALIDATOR} could not be installed.")
    names = sorted(path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")
    result = subprocess.run([str(program), "--strict", "--quiet", *names], cwd=folder, capture_output=True, text=True)
    return (result.stdout + result.stderr).strip().splitlines() if result.returncode else []


class Manifests:
    """The manifests of a folder, and what they must say."""

    def __init__(self, folder=FOLDER, known=None):
        import yaml

        self.folder = folder
        self.known = known or Known(ROOT)
        self.list = yaml.safe_load((folder / "kustomization.yaml").read_text())
        self.documents = [document for name in self.list["resources"] for document in yaml.safe_load_all((folder / name).read_text())]

    def of(self, kind):
        return {document["metadata"]["name"]: document for document in self.documents if document["kind"] == kind}

    def faults(self):
        told = self._completeness()
        if told:
            # The rest asks for what should be there.
            return told
        for name, deployment in self.of("Deployment").items():
            told += [f"{name}: {fault}" for fault in self._deployment(name, deployment)]
        for service in SERVICES:
            told += [f"{service}: {fault}" for fault in self._settings(service)]
        return told + self._network()

    def _completeness(self):
        stray = {path.name for path in self.folder.glob("*.yaml")} - {"kustomization.yaml", *self.list["resources"]}
        told = [f"{name} is not in kustomization.yaml" for name in sorted(stray)]
        for kind in ("Deployment", "Service", "PodDisruptionBudget"):
            told += [f"there is no {kind} {name}" for name in (*SERVICES, "gateway") if name not in self.of(kind)]
        told += [f"{document['kind']} {document['metadata']['name']} is in another namespace" for document in self.documents
                 if document["kind"] != "Namespace" and document["metadata"].get("namespace") != "penguinmails"]
        return told

    def _deployment(self, name, deployment):
        pod = deployment["spec"]["template"]["spec"]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        if deployment["spec"]["selector"]["matchLabels"].items() - labels.items():
            yield "its selector does not fit its pods"
        if self.of("Service")[name]["spec"]["selector"].items() - labels.items() or \
                self.of("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"].items() - labels.items():
            yield "its Service or its budget does not fit its pods"
        if deployment["spec"]["replicas"] < 2:
            yield "with one replica a budget of one lets no node be drained"
        if pod.get("automountServiceAccountToken") is not False or pod.get("enableServiceLinks") is not False:
            yield "it is told of the cluster what it does not need"
        if pod["securityContext"].get("runAsNonRoot") is not True or not pod["securityContext"].get("runAsUser"):
            yield "it may run as root"
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            context = container["securityContext"]
            bounds = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
            if any(context.get(name) != value for name, value in bounds.items()):
                yield f"{container['name']} may do more than it must"
            if "limits" not in container["resources"] or "requests" not in container["resources"]:
                yield f"{container['name']} has no bounds"
        main, = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in main["ports"]}
        if ports != ({"https": GATEWAY, "http": GATEWAY_PLAIN} if name == "gateway" else {"public": PUBLIC, "internal": INTERNAL}):
            yield f"its ports are {ports}"
        for port in self.of("Service")[name]["spec"]["ports"]:
            if port["targetPort"] not in ports:
                yield f"its Service leads to a port {port['targetPort']}, which it does not have"
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = main[probe].get("httpGet", main[probe].get("tcpSocket"))
            if asked["port"] not in ports or (name != "gateway" and (asked["port"] != "internal" or asked["path"] not in ("/healthz", "/readyz"))):
                yield f"its {probe} asks what nobody answers"

    def _settings(self, service):
        """Each variable is a setting of this service, and each that it needs is there; it says itself which."""
        main, = self.of("Deployment")[service]["spec"]["template"]["spec"]["containers"]
        if "command" in main or not re.search(rf"-{service}:", main["image"]):
            yield f"its image is {main['image']}, and what runs there its own affair"
        shared = set(self.of("ConfigMap")["settings"]["data"])
        own = {variable["name"] for variable in main["env"]}
        secret = {f"POSTGRES_{kind}_PASSWORD" for kind in ("OWNER", "API", "WORKER")} | set(MORE[service])
        known, needed = described(service)
        yield from (f"{name} is no setting of it" for name in sorted((own | secret | shared) - known) if not name.startswith("PGSSL"))
        yield from (f"{name} is missing" for name in sorted(needed - own - secret - shared))

    def _network(self):
        policies = self.of("NetworkPolicy")
        told = []
        if policies["nothing"]["spec"] != {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}:
            told.append("the policy nothing lets something through")
        for service in SERVICES:
            spec = policies[service]["spec"]
            may_ask, may_be_asked = self._peers(spec, "egress", "to"), self._peers(spec, "ingress", "from")
            callers = {other for other in SERVICES if service in asks(other)}
            if may_ask != asks(service):
                told.append(f"{service} may ask {sorted(may_ask)}, and asks {sorted(asks(service))}")
            if may_be_asked != callers:
                told.append(f"{service} may be asked by {sorted(may_be_asked)}, and is by {sorted(callers)}")
            public = [rule for rule in spec["ingress"] if {"protocol": "TCP", "port": PUBLIC} in rule["ports"]]
            if [rule.get("from") for rule in public] != [[{"podSelector": {"matchLabels": {PART: "gateway"}}}]]:
                told.append(f"{service}'s public listener is open to others than the gateway")
        return told

    @staticmethod
    def _peers(spec, direction, side):
        rules = [rule for rule in spec[direction] if {"protocol": "TCP", "port": INTERNAL} in rule["ports"]]
        selectors = [peer.get("podSelector", {}) for rule in rules for peer in rule.get(side, ())]
        return {name for selector in selectors for words in selector.get("matchExpressions", ()) for name in words["values"]}


@cache
def described(service):
    """(every setting, those without a default) of a service, as its --help has them."""
    result = subprocess.run([str(services.executable(service)), "--help"], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"{service} --help failed: {result.stderr.strip()[-500:]}")
    found = re.findall(r"^  ([A-Z0-9_]+)\n      (.*)$", result.stdout, re.MULTILINE)
    return {name for name, _ in found}, {name for name, words in found if words.endswith("Required.")}


@cache
def asks(service):
    """Whom a service asks by RPC, by its sources."""
    source = "".join(path.read_text() for path in (ROOT / "Services" / service.capitalize()).rglob("*.swift"))
    peers = set(re.findall(r"peer\(\.([a-z]+)\)", source))
    for expression, more in SHARED_PEERS.items():
        if re.search(expression, source):
            peers |= more
    return peers - {service}
