# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Needs Python 3.11 or later, git and make. Everything else goes into .venv and .cache of this checkout.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TREE := .cache/tree
LINK := $(TREE)/ansible_collections/changeops/backup

# Another Python, or a changed list of requirements, makes the stamp out of date and so the environment anew.
PYVER := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
MADE := $(VENV)/.made-$(PYVER)
FOR_DEMO := $(VENV)/.for-demo
FOR_DEV := $(VENV)/.for-dev

# What tests of AWX need beside the packages: its collection, and a runner with which lines were lost once.
AWX := .cache/awx
OLD_RUNNER_MADE := .cache/old-runner/.made
export AWX_COLLECTIONS := $(CURDIR)/$(AWX)
export OLD_RUNNER := $(CURDIR)/.cache/old-runner/bin

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
# Through the link the checkout is importable as ansible_collections.changeops.backup, wherever it lies.
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(TREE)
export PYTHONPATH := $(CURDIR)/$(TREE):$(CURDIR)/tests
# Set, it would hide progress lines that are not flushed.
unexport PYTHONUNBUFFERED

.PHONY: help demo test cores bench slices lint sanity states awx clean link

help:  ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# The demo uses the collection as a user gets it: built and installed.
demo: export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache/collections
demo: export PYTHONPATH := $(CURDIR)/tests
demo: $(FOR_DEMO)  ## Backup systems, and a playbook that waits, aborts, verifies and reports
	@mkdir -p .cache/dist .cache/collections && rm -f .cache/dist/*
	@ansible-galaxy collection build --output-path .cache/dist >/dev/null
	@ansible-galaxy collection install --offline --force -p .cache/collections .cache/dist/*.tar.gz >/dev/null
	@exec $(BIN)/python demo/run.py

test: $(FOR_DEV) $(AWX)/ansible_collections/awx $(OLD_RUNNER_MADE) link  ## The whole test suite; ARGS="tests/unit -k wait -n0" for a part of it
	$(BIN)/pytest $(ARGS)

cores: link  ## The tests of both doors and of the runbooks with ansible-core 2.16, 2.19 and the newest; CORES=2.16 for one, ARGS=... for others
	@scripts/cores.sh

bench: $(FOR_DEV) link  ## What a wait, a long list and a large log cost, beside what is written by hand; takes seven minutes
	@exec $(BIN)/python tests/bench/run.py

slices: $(FOR_DEV) link  ## What a gate over a thousand systems costs, in slices and on execution nodes; ARGS="--systems 100"
	@exec $(BIN)/python tests/bench/slices.py $(ARGS)

lint: $(FOR_DEV) link  ## Style, types, documentation, changelog, and the sanity tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(LINK)/plugins tests/simulator
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint
	$(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .
	$(BIN)/antsibull-changelog lint
	@$(MAKE) --no-print-directory sanity

states: $(FOR_DEV) link  ## Write docs/states.md anew, from the tables of the systems
	$(BIN)/python scripts/states.py

awx: $(FOR_DEV) link  ## Write extensions/awx/credential_types.yml anew, from the tables of the systems
	$(BIN)/python scripts/awx.py

sanity: $(FOR_DEV)  ## ansible-test sanity; SANITY_PYTHONS=all for every Python on PATH
	scripts/sanity.sh

clean:  ## Remove everything these commands made
	rm -rf $(VENV) .cache .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output changelogs/.plugin-cache.yaml
	find . -name __pycache__ -prune -exec rm -rf {} +

link:
	@mkdir -p $(dir $(LINK)) && ln -sfn ../../../.. $(LINK)

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(FOR_DEMO): requirements/demo.txt requirements/simulator.txt $(MADE)
	$(BIN)/python -m pip install -qq -r $<
	@touch $@

$(FOR_DEV): requirements/dev.txt $(filter-out requirements/dev.txt,$(wildcard requirements/*.txt)) $(MADE)
	$(BIN)/python -m pip install -qq -r $<
	@touch $@ $(FOR_DEMO)

$(AWX)/ansible_collections/awx: scripts/take_collection.py $(FOR_DEV)
	$(BIN)/python scripts/take_collection.py $(AWX) awx.awx
	@touch $@

$(OLD_RUNNER_MADE): $(FOR_DEV)
	rm -rf $(dir $@)
	$(BIN)/python -m venv $(dir $@)
	$(dir $@)bin/python -m pip install -qq "ansible-core>=2.19,<2.22" requests ansible-runner==2.4.0
	@touch $@
