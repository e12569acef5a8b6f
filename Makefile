# `make demo` runs the main job on the examples, `make test` sets up and runs everything; both need Python 3.11, `make test` also Go 1.26.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hauberk
OPA_VERSION := 1.22.2
KUBECONFORM_VERSION := 0.8.0
CONFTEST_VERSION := 0.71.1
SARIF_SCHEMA_VERSION := 1.0.0-beta.0
OPENREPORTS_VERSION := 0.2.1
OPA := $(CACHE)/tools/opa-$(OPA_VERSION)/opa
KUBECONFORM := $(CACHE)/tools/kubeconform-$(KUBECONFORM_VERSION)/kubeconform
CONFTEST := $(CACHE)/tools/conftest-$(CONFTEST_VERSION)/conftest
SARIF_SCHEMA := $(CACHE)/tools/sarif-schema-$(SARIF_SCHEMA_VERSION)/sarif-2.1.0.json
OPENREPORTS := $(CACHE)/tools/openreports-$(OPENREPORTS_VERSION)/crds.yaml
# The parts of the test cluster, by what they are built from.
CLUSTER := tests/cluster/tools
cluster-part = $(CACHE)/tools/$(1)-$(shell cat $(CLUSTER)/build.sh $(CLUSTER)/$(1)/* | sha256sum | cut -c1-16)
KUBE := $(call cluster-part,kube)
FLUX := $(call cluster-part,flux)
ARGO := $(call cluster-part,argo)
KUSTOMIZE := $(call cluster-part,kustomize)
CLIENTS := $(call cluster-part,clients)
PARTS := $(KUBE) $(FLUX) $(ARGO) $(KUSTOMIZE) $(CLIENTS)
# Kernels and root file system of the guests, by what makes them.
GUEST_RECIPE := tests/guest/provision/provision.sh tests/guest/provision/root.sh tests/support/newc.py
GUEST := $(CACHE)/tools/guest-$(shell cat $(GUEST_RECIPE) | sha256sum | cut -c1-16)
IMAGE := $(CURDIR)/build/hauberk-enforcer.tar
PYTHON ?= python3
BIN := .venv/bin
export HAUBERK_OPA := $(OPA)
export HAUBERK_SARIF_SCHEMA := $(SARIF_SCHEMA)
export HAUBERK_OPENREPORTS := $(OPENREPORTS)
export HAUBERK_KUBE := $(KUBE)
export HAUBERK_FLUX := $(FLUX)
export HAUBERK_ARGO := $(ARGO)
export HAUBERK_KUSTOMIZE := $(KUSTOMIZE)
export HAUBERK_CLIENTS := $(CLIENTS)
export HAUBERK_GUEST := $(GUEST)
export HAUBERK_IMAGE := $(IMAGE)

.PHONY: bpf image cluster-tools guest-tools help dev demo test check fmt rego new-rule bench browser clean

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

dev: .venv/.installed $(OPA) ## set up: virtual environment, OPA

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

# A registry that does not answer once is asked again.
again = for wait in 10 0; do $(1) && exit 0; [ $$wait = 0 ] || sleep $$wait; done; exit 1

# A tool is built aside and renamed, so that a build that was cut short is never taken for a tool.
define go-build
	@mkdir -p $(dir $@)
	@echo "building $(notdir $@) (once, some minutes)"
	@$(call again,GOBIN=$(dir $@).build GOFLAGS=-buildvcs=false go install $(1))
	@mv $(dir $@).build/$(notdir $@) $@ && rmdir $(dir $@).build
endef

$(OPA):
	$(call go-build,github.com/open-policy-agent/opa@v$(OPA_VERSION))

$(KUBECONFORM):
	$(call go-build,github.com/yannh/kubeconform/cmd/kubeconform@v$(KUBECONFORM_VERSION))

$(CONFTEST):
	$(call go-build,github.com/open-policy-agent/conftest@v$(CONFTEST_VERSION))

# OASIS publishes the schema on a web site only; this package of Microsoft carries it.
$(SARIF_SCHEMA):
	@mkdir -p $(dir $@)
	@cd $(dir $@) && npm pack --silent @microsoft/jest-sarif@$(SARIF_SCHEMA_VERSION) >/dev/null \
	  && tar xzf microsoft-jest-sarif-*.tgz package/lib/schemas/sarif-2.1.0-rtm.5.json \
	  && mv package/lib/schemas/sarif-2.1.0-rtm.5.json $@ && rm -r package microsoft-jest-sarif-*.tgz

$(PARTS):
	@echo "building $(notdir $@) (once; kube and flux take some minutes each)"
	@$(call again,nice $(CLUSTER)/build.sh $(firstword $(subst -, ,$(notdir $@))) $@)

# Its Go module carries the CRDs of openreports.io.
$(OPENREPORTS):
	@mkdir -p $(dir $@)
	@cd $(dir $@) && $(call again,go mod download -json github.com/openreports/reports-api@v$(OPENREPORTS_VERSION) >module.json)
	@cat "$$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' $(dir $@)module.json)"/config/crd/openreports.io_*.yaml >$@.part && mv $@.part $@ && rm $(dir $@)module.json

cluster-tools: $(PARTS) $(OPENREPORTS) ## build what the tests against a real cluster run: Kubernetes, Flux, Argo CD, kubectl
	@printf 'export %s\n' HAUBERK_KUBE=$(KUBE) HAUBERK_FLUX=$(FLUX) HAUBERK_ARGO=$(ARGO) \
	  HAUBERK_KUSTOMIZE=$(KUSTOMIZE) HAUBERK_CLIENTS=$(CLIENTS) HAUBERK_OPENREPORTS=$(OPENREPORTS)

$(GUEST):
	@echo "fetching kernels and a root file system for guests (once, some 20 seconds)"
	@$(call again,nice $(firstword $(GUEST_RECIPE)) $@)

guest-tools: $(GUEST) ## fetch what the tests in guests run: three kernels of Debian and a root file system
	@echo export HAUBERK_GUEST=$(GUEST)

image: ## make the enforcer's image, as an OCI archive (Debian: mmdebstrap)
	@mkdir -p $(dir $(IMAGE))
	@$(call again,deploy/image/build.sh $(IMAGE))

demo: .venv/.installed ## lint the examples: first a policy with gaps, then its corrected form, then all
	@$(BIN)/python scripts/demo.py $(BIN)/hauberk

test: check ## everything: format, types, walls, rules, tests

check: dev cluster-tools guest-tools image $(SARIF_SCHEMA)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python scripts/rego.py $(OPA) check
	$(BIN)/python scripts/rego.py $(OPA) verify
	$(BIN)/python scripts/rego.py $(OPA) test
	@# the tests of the cluster wait most of the time: they run beside the others, and are shown after them
	$(BIN)/python scripts/beside.py --shown-last "$(BIN)/python -m pytest -q --durations 15 tests/cluster" \
	  "$(BIN)/python -m pytest -q --durations 15 -n auto --ignore tests/cluster --ignore tests/guest"
	$(BIN)/python -m pytest -q --durations 40 -n 2 --dist loadfile tests/guest

fmt: dev ## format Python and Rego
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python scripts/rego.py $(OPA) fmt

bpf: ## build the BPF programs (Debian: clang-19, llvm-19, libbpf-dev)
	$(MAKE) -C bpf

rego: dev ## compile the rules: rego/policy.wasm and rego/catalogue.json
	$(BIN)/python scripts/rego.py $(OPA) build

new-rule: dev ## skeleton of a rule: make new-rule CATEGORY=gaps NAME=some-name ID=HB499
	$(BIN)/python scripts/new_rule.py $(CATEGORY) $(NAME) $(ID)

bench: dev $(KUBECONFORM) $(CONFTEST) $(KUBE) $(CLIENTS) $(GUEST) ## speed against kubeconform and conftest, and over sizes
	$(BIN)/python benchmarks/lint.py --kubeconform $(KUBECONFORM) --conftest $(CONFTEST)
	$(BIN)/python benchmarks/reach.py
	$(BIN)/python benchmarks/reach.py --model kubearmor
	$(BIN)/python benchmarks/diff.py
	$(BIN)/python benchmarks/matrix.py
	$(BIN)/python benchmarks/drift.py
	$(BIN)/python benchmarks/guest.py

browser: ## install what the tests of the matrix page need, as root: Debian's Chromium and its driver
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
