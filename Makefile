# The commands of this repository; `make` alone lists them. Needs Python 3.11 or later, no root.
# A recipe is one or two lines; what is longer is a script in tools/.

PYTHON ?= python3
# Passed on to the command of run, test and lock: make test ARGS="-k freshness"
ARGS ?=

# Compiled modules are kept, whatever the machine's habit: the suite starts hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PACKAGES := gateway token_service token_client runtime simulator tools tests bench

.DEFAULT_GOAL := help
.PHONY: help run test lint fmt style types imports protos protos-check lock lock-check \
	ci-tools dashboards dashboards-check k8s image sbom hadolint clean venv venv-dev accept-broker accept-gateway accept-usage accept-callers accept-k8s bench client-wheel

##@ Use

run: venv ## Run both services on this machine; without a GitHub credential, against the simulator
	@exec $(BIN)/python -m tools.run $(ARGS)

##@ Change

# What failed is run once more, alone: some tests wait for a store that has 0.3 s to answer, which
# four processes on two cores now and then do not leave it. What fails twice has failed.
test: venv-dev ## Run every test, in four processes; ARGS="-k word" runs some
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS) \
		|| $(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(ARGS)

lint: style types imports protos-check dashboards-check hadolint lock-check ## Check style, types, import rules, and what is generated

fmt: venv-dev ## Format the code and repair what can be repaired by rule
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

protos: venv-dev ## Generate the code beside the .proto files again
	$(BIN)/python -m tools.protos

dashboards: venv-dev ## Generate Grafana's JSON from tools/dashboards again
	$(BIN)/python -m tools.dashboards

k8s: venv-dev ## Render the manifests of deploy/k8s, validate them, check the rules of tools/k8s
	@$(BIN)/python -m tools.k8s

lock: venv-dev ## Pin the packages of pyproject.toml again; ARGS=--upgrade takes newer ones
	$(BIN)/python -m tools.locks $(ARGS)

client-wheel: venv-dev ## Build copilot-token-client, the client other teams install, into dist/
	$(BIN)/python -m tools.client_wheel $(ARGS)

accept-broker: venv-dev ## The broker's acceptance runs at full size (about 20 minutes), with figures
	$(BIN)/python -m pytest -q --full-size tests/acceptance/test_broker_*.py \
		tests/integration/token_service/test_renewal_protocol.py $(ARGS)

accept-gateway: venv-dev ## The gateway's acceptance runs at full size (about 15 minutes), with figures
	$(BIN)/python -m pytest -q --full-size tests/acceptance/test_gateway_*.py $(ARGS)

accept-usage: venv-dev ## The usage ledger's acceptance runs at full size (about 5 minutes), with figures
	$(BIN)/python -m pytest -q --full-size tests/acceptance/test_usage_*.py $(ARGS)

accept-callers: venv-dev ## The callers' acceptance runs at full size (about 10 minutes), with figures
	$(BIN)/python -m pytest -q --full-size tests/acceptance/test_callers_*.py $(ARGS)

accept-k8s: venv-dev k8s ## The manifests, run at full size (about 10 minutes), with figures; the image; Prometheus
	$(BIN)/python -m pytest -q --full-size tests/acceptance/test_k8s_*.py tests/unit/servers tests/unit/tools/k8s \
		tests/integration/prometheus tests/integration/image tests/e2e/test_prometheus.py $(ARGS)

bench: venv-dev ## CPU per request and chunk beside nginx, Caddy and a naive proxy; ARGS=--quick tries it
	@$(BIN)/python -m bench $(ARGS)

image: ## Build the image of both services with docker; ARGS="-t registry/name:tag" names it
	docker build --pull -f deploy/Dockerfile -t copilot-gateway $(ARGS) .

sbom: venv-dev ## Write what the image's Python packages are into dist/, as CycloneDX
	@$(BIN)/python -m tools.sbom

##@ Look after

ci-tools: venv-dev ## Install what a bare machine lacks for lint and test: .venv; Prometheus and gcc by apt
	@$(BIN)/python -m tools.ci_tools

clean: ## Remove .venv, caches and build output
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## List the commands
	@awk -f tools/help.awk $(MAKEFILE_LIST)

# --- the parts of lint ---

style: venv-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: venv-dev
	$(BIN)/mypy $(PACKAGES)

imports: venv-dev
	$(BIN)/lint-imports

protos-check: venv-dev
	$(BIN)/buf lint
	$(BIN)/python -m tools.protos --check

dashboards-check: venv-dev
	$(BIN)/python -m tools.dashboards --check

hadolint: venv-dev
	$(BIN)/hadolint deploy/Dockerfile

lock-check: venv-dev
	$(BIN)/python -m tools.locks --check

# --- .venv: made once, made again when a lock changes (the stamps are tools/venv.py's) ---

venv:
	@$(PYTHON) tools/venv.py requirements/runtime.txt

venv-dev:
	@$(PYTHON) tools/venv.py requirements/dev.txt
