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
DOCS := .cache/docs/venv
FOR_DOCS := $(DOCS)/.made-$(PYVER)
EDA := .cache/eda
FOR_EDA := $(EDA)/.made-$(PYVER)
FOR_GATES := .cache/gates/.made

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

.PHONY: help demo test test-eda coverage matrix bench slices lint sanity gates release-check release states awx docs clean link

help:  ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

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

test-eda: $(FOR_EDA) link  ## The rulebooks by a real ansible-rulebook, which needs Java 17; a minute
	PATH=$(CURDIR)/$(EDA)/bin:$$PATH $(EDA)/bin/pytest -n0 tests/eda/rulebooks.py

coverage: $(FOR_DEV) $(AWX)/ansible_collections/awx $(OLD_RUNNER_MADE) link  ## Lines of plugins/ and extensions/ that no test reaches
	rm -rf .cache/coverage && mkdir -p .cache/coverage
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

matrix: $(FOR_DEV) link  ## Tests and sanity with every supported ansible-core; CORES="2.16 2.21", GATES=doors or PYTHONS=newest for a part of it
	@exec $(BIN)/python scripts/matrix.py

bench: $(FOR_DEV) link  ## What a wait, a long list and a large log cost, beside what is written by hand; takes seven minutes
	@exec $(BIN)/python tests/bench/run.py

slices: $(FOR_DEV) link  ## What a gate over a thousand systems costs, in slices and on execution nodes; ARGS="--systems 100"
	@exec $(BIN)/python tests/bench/slices.py $(ARGS)

lint: $(FOR_DEV) link  ## Style, types, documentation, changelog, and the sanity tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(LINK)/plugins $(LINK)/extensions tests/simulator scripts
	$(BIN)/yamllint --strict .
	$(BIN)/ansible-lint
	$(BIN)/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .
	$(BIN)/antsibull-changelog lint
	@$(MAKE) --no-print-directory sanity

states: $(FOR_DEV) link  ## Write anew what is told of the systems and their options: docs/states.md, the schema of the event source
	$(BIN)/python scripts/states.py
	$(BIN)/python scripts/event_schema.py

awx: $(FOR_DEV) link  ## Write extensions/awx/credential_types.yml anew, from the tables of the systems
	$(BIN)/python scripts/awx.py

docs: $(FOR_DOCS) link  ## The documentation as a website, in .cache/docs/html; any warning fails
	@$(DOCS)/bin/python scripts/docsite/build.py

sanity: $(FOR_DEV)  ## ansible-test sanity; PYTHONS=all for every Python on PATH
	scripts/ansible_test.sh sanity

gates: $(FOR_DEV) $(FOR_GATES)  ## Licences, the execution environment, and what ansible-test has beside sanity; UNITS=... for some
	$(FOR_GATES:.made=bin)/nox -e license-check extra-checks
	PATH=$(CURDIR)/$(FOR_GATES:.made=bin):$$PATH scripts/execution_environment.sh
	scripts/ansible_test.sh units $(UNITS)
	scripts/ansible_test.sh integration

release-check: $(FOR_DEV) $(FOR_GATES) link  ## What stands in the way of a release, before it is made and after
	@$(BIN)/python scripts/release.py
	$(FOR_GATES:.made=bin)/nox -e build-import-check

release: release-check  ## Write CHANGELOG.rst from the fragments; the tag and the upload stay with you
	$(BIN)/antsibull-changelog release

clean:  ## Remove everything these commands made
	rm -rf $(VENV) .cache .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output changelogs/.plugin-cache.yaml
	find . -name __pycache__ -prune -exec rm -rf {} +

link:
	@mkdir -p $(dir $(LINK)) && { [ -e $(LINK) ] || ln -sfn ../../../.. $(LINK); }  # not anew, somebody may be reading it

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(FOR_DEMO): requirements/demo.txt tests/integration/requirements.txt $(MADE)
	$(BIN)/python -m pip install -qq -r $<
	@touch $@

$(FOR_DEV): requirements/dev.txt $(filter-out requirements/dev.txt,$(wildcard requirements/*.txt tests/*/requirements.txt)) $(MADE)
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

# Sphinx and its theme are of use to nobody else.
$(FOR_DOCS): requirements/docs.txt
	rm -rf $(DOCS)
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install -qq -r $<
	@touch $@

$(FOR_EDA): requirements/eda.txt requirements/test.txt requirements/simulator.txt
	rm -rf $(EDA)
	$(PYTHON) -m venv $(EDA)
	$(EDA)/bin/python -m pip install -qq -r $<
	@touch $@

$(FOR_GATES): requirements/gates.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install -qq -r $<
	@touch $@
