#!/usr/bin/env bash
# Brings the stack up in containers as docs/compose.md says, does the demo's journey through it, looks whether it is as closed as it claims, and
# takes it down again with its volumes. Needs a Docker daemon with the compose plugin; base images come from whatever docker-compose.yml names.
#
#   Tests/compose/test.sh            COMPOSE_TEST_KEEP=1 leaves it up at the end
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-penguinmails-test}
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
export GATEWAY_PORT IMAP_PORT GATEWAY_PLAIN_PORT PROMETHEUS_PORT
GATEWAY_PORT=$(free_port) IMAP_PORT=$(free_port) GATEWAY_PLAIN_PORT=$(free_port) PROMETHEUS_PORT=$(free_port)
url=https://localhost:$GATEWAY_PORT
scratch=$(mktemp -d)
passed=0

finish() {
    local status=$?
    if [[ $status != 0 ]]; then
        docker compose ps --all || true
        docker compose logs --tail 30 || true
    fi
    [[ -n ${COMPOSE_TEST_KEEP:-} ]] || docker compose down --volumes --remove-orphans --timeout 20 >"$scratch/down" 2>&1 || true
    rm -rf "$scratch"
    exit "$status"
}
trap finish EXIT

step() { printf '— %s (%d s)\n' "$1" "$SECONDS"; }
pass() { passed=$((passed + 1)); printf '  ok: %s\n' "$1"; }
fail() { printf '  failed: %s\n' "$1" >&2; exit 1; }
# A container of a service, by its number.
container() { docker compose ps --quiet "$1" | sed -n "${2:-1}p"; }
ready() {
    for _ in $(seq 120); do
        curl -fsS --cacert "$scratch/ca.pem" -o /dev/null "$url/api/v1/status" 2>/dev/null && return
        sleep 1
    done
    fail "the gateway does not answer"
}
journey() {
    /usr/bin/python3 -B Tests/compose/journey.py --url "$url" --ca "$scratch/ca.pem" --imap "$IMAP_PORT" --password "$password" "$@"
}

step "docker compose up --build"
docker compose up --build --detach
docker compose run --rm --no-deps -T setup cat /deal/public/ca.pem >"$scratch/ca.pem"
password=$(docker compose run --rm --no-deps -T setup cat /secrets/secrets.json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["mail_demo"])')
ready
pass "the gateway answers"

step "what each container may do"
for _ in $(seq 60); do
    [[ $(docker compose ps --format '{{.Service}} {{.Health}}' | grep -cE '^(auth|billing|campaigns|delivery|audit|gateway) healthy') == 6 ]] && break
    sleep 1
done
for service in auth billing campaigns delivery audit gateway; do
    read -r user frozen <<<"$(docker inspect --format '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}' "$(container $service)")"
    [[ $user != "" && $user != root && $user != 0 && $frozen == true ]] || fail "$service runs as '$user', read-only $frozen"
    [[ $(docker inspect --format '{{.State.Health.Status}}' "$(container $service)") == healthy ]] || fail "$service is not healthy"
done
pass "services and gateway run as users of their own, on a root file system that nobody can write, and are healthy"
for service in auth billing campaigns delivery audit; do
    others=$(docker compose exec -T "$service" ls /run/penguin/keys | grep -E '^(auth|billing|campaigns|delivery|audit)\.pem$' | grep -v "^$service.pem$" || true)
    [[ -z $others ]] || fail "$service holds keys of others: $others"
done
pass "each service holds its own private key and no other's"
[[ $(docker network inspect --format '{{.Internal}}' "${COMPOSE_PROJECT_NAME}_inside") == true ]] || fail "the inner network leads outside"
published=$(docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Label "com.docker.compose.service"}} {{.Ports}}' | grep -- '->' | cut -d ' ' -f 1 | sort -u | xargs)
[[ $published == "gateway mailbox" ]] || fail "ports are open at: $published"
pass "the only ways in are the gateway and, of a development stack, the reader of mail"
[[ $(docker compose exec -T redis redis-cli config get appendonly maxmemory-policy | xargs) == *"appendonly yes"* ]] || fail "Redis does not write its log"
[[ $(docker compose exec -T redis redis-cli config get maxmemory-policy | xargs) == "maxmemory-policy noeviction" ]] || fail "Redis may forget"
pass "Redis keeps everything"

step "the console, the description of the API, Lit"
for path in / /login /api/v1/openapi.json /api/docs /vendor/lit/lit-all.min.js /status; do
    curl -fsS --cacert "$scratch/ca.pem" -o "$scratch/page" "$url$path" || fail "$path"
    [[ -s $scratch/page ]] || fail "$path is empty"
done
pass "pages are served"

step "the demo's journey"
journey --leads Samples/leads.csv || fail "the journey"
pass "every lead is accounted for"

step "three replicas of Delivery and two of Campaigns, one of which is killed on the way"
docker compose up --detach --no-recreate --scale delivery=3 --scale campaigns=2
for _ in $(seq 60); do
    [[ $(docker compose ps --format '{{.Service}} {{.Health}}' | grep -cE '^(delivery|campaigns) healthy') == 5 ]] && break
    sleep 1
done
[[ $(docker compose ps --format '{{.Service}} {{.Health}}' | grep -cE '^(delivery|campaigns) healthy') == 5 ]] || fail "the replicas are not healthy"
journey --leads Samples/leads.csv --during "docker kill $(container delivery 2)" || fail "the journey with a killed replica"
pass "nothing was lost, nothing came twice"
docker compose up --detach --no-recreate --scale delivery=3 --scale campaigns=2

step "Prometheus sees every replica"
if ! docker image inspect "${PROMETHEUS_IMAGE:-prom/prometheus:v2.53.5}" >/dev/null 2>&1 && ! docker pull -q "${PROMETHEUS_IMAGE:-prom/prometheus:v2.53.5}" 2>/dev/null; then
    docker build -q -t penguinmails-test-prometheus Tests/compose/prometheus
    export PROMETHEUS_IMAGE=penguinmails-test-prometheus
fi
docker compose --profile dev --profile observability up --detach --no-recreate --no-deps prometheus
seen() {
    curl -fsS "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query?query=up%20==%201" 2>/dev/null |
        /usr/bin/python3 -c 'import collections, json, sys; print(dict(sorted(collections.Counter(one["metric"]["job"] for one in json.load(sys.stdin)["data"]["result"]).items())))' 2>/dev/null
}
wanted="{'audit': 1, 'auth': 1, 'billing': 1, 'campaigns': 2, 'delivery': 3}"
for _ in $(seq 60); do [[ $(seen) == "$wanted" ]] && break; sleep 1; done
[[ $(seen) == "$wanted" ]] || fail "Prometheus sees $(seen)"
rules=$(curl -fsS "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/rules" | /usr/bin/python3 -c 'import json, sys; print(sum(rule["health"] == "err" for group in json.load(sys.stdin)["data"]["groups"] for rule in group["rules"]))')
[[ $rules == 0 ]] || fail "$rules alert rules cannot be evaluated"
pass "every replica is read, and every alert rule is evaluated"

step "a restart of everything"
docker compose restart postgres redis
docker compose up --detach --no-recreate --scale delivery=1 --scale campaigns=1
ready
docker compose down --timeout 20
docker compose up --detach
ready
accounts=$(docker compose exec -T postgres psql -U postgres -d penguinmails -Atc 'select count(*) from users.users')
[[ $accounts == 2 ]] || fail "$accounts accounts are left of 2"
journey --leads Samples/leads.csv || fail "the journey after the restart"
pass "data, keys and passwords outlived the containers"

echo "compose: $passed passed, 0 failed"
