# `make` lists the targets. Variables: PYTHON, PROFILE (auto, smoke, cpu, gpu), BUDGET (seconds for missing runs), STUDY,
# SOLUTIONS (yes, no).

PYTHON  ?= python3
PROFILE ?= auto
GPU     := $(wildcard /dev/nvidia0)
BUDGET  ?= $(if $(GPU),300,0)
PORT    ?= 8000
VENV    ?= .venv

SOLUTIONS ?= yes

BIN      := $(VENV)/bin
ENV      := $(VENV)/installed
PIP      := $(BIN)/python -m pip --retries 2 --disable-pip-version-check
SITE     := _build/site
OPTIONS  := --profile $(PROFILE) --budget $(BUDGET) --solutions $(SOLUTIONS)
SETTINGS := _build/settings/$(PROFILE)-$(BUDGET)-$(SOLUTIONS)
KERNELS   = _build/kernels-$$PPID
PUBLISH   = OMP_NUM_THREADS=1 ODESTACK_KERNELS="$(CURDIR)/$(KERNELS)" JUPYTER_DEFAULT_PROVISIONER_NAME=forking \
  $(BIN)/python -m odestack.book.publish

NOTEBOOKS   := $(sort $(wildcard notebooks/*.ipynb))
CHAPTERS    := $(NOTEBOOKS:notebooks/%=book/chapters/%)
FRONT       := $(patsubst notebooks/pages/%,book/%,$(wildcard notebooks/pages/*.ipynb))
TABLES      := book/_extra/data/runs.csv
GALLERY     := book/gallery.md
EXPERIMENTS := $(if $(NOTEBOOKS),$(shell grep -l 'odestack.*studies' $(NOTEBOOKS)))
RECORDS     := $(wildcard data/runs/* data/runs/*/*.json data/weights data/weights/* data/surfaces/* data/surfaces/*/*)
TEXTS       := $(wildcard book/*.md book/*.css book/*.yml book/*.bib book/_static/* book/scripts/*)
EXPORTERS   := $(wildcard src/odestack/methods/*.py src/odestack/lab/*.py src/odestack/studies/*.py)

CORES       := $(shell getconf _NPROCESSORS_ONLN || echo 2)

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(shell echo $$(($(CORES) < 4 ? $(CORES) : 4)))  # notebooks at a time
endif

unexport PYTHONDONTWRITEBYTECODE  # what is imported is compiled once, instead of all that is installed

.DELETE_ON_ERROR:
.PHONY: help env book pdf experiments reproduce data test faults links audit lint bench serve clean browser kernels

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

env: $(ENV) ## Install the environment into .venv from requirements.lock

book: $(SITE) ## Run every notebook that is out of date and build the website into _build/html
	@echo "The book is at _build/html/index.html; make serve shows it at http://localhost:$(PORT)"

pdf: book browser ## Print the whole book into _build/book.pdf
	@rm -rf _build/single
	@$(BIN)/jupyter-book build book --builder singlehtml --path-output _build/single --quiet > /dev/null
	@$(BIN)/python -m odestack.book.pdf _build/single/_build/singlehtml _build/book.pdf

experiments: $(ENV) ## Train all runs that a profile lacks, without a budget: make experiments PROFILE=cpu
	@case "$(PROFILE)" in smoke|cpu|gpu) ;; *) echo "Say which runs to train: make experiments PROFILE=smoke, cpu or gpu"; exit 2;; esac
	@$(BIN)/odestack sweep all --profile $(PROFILE)
	@$(MAKE) --no-print-directory BUDGET=inf $(EXPERIMENTS:notebooks/%=book/chapters/%)

reproduce: $(ENV) ## Retrain one study and compare it with the records: make reproduce STUDY=depth_by_order
	@test -n "$(STUDY)" || { echo "Say which study to retrain: make reproduce STUDY=depth_by_order"; exit 2; }
	@$(BIN)/odestack reproduce $(STUDY) --profile $(PROFILE)

data: $(ENV) ## Fetch CIFAR-10 into data/cifar10 and check it
	@$(BIN)/odestack data

test: book browser ## Build the book, then run every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -rs --no-fold-skipped --numprocesses 2 --dist loadfile $(PYTEST)

faults: $(ENV) ## Try to break it at length: kills, full disks, damaged files, hostile arguments
	FAULTS=all $(BIN)/python -m pytest -rs tests/faults

links: book ## Check the links to other sites
	@$(BIN)/jupyter-book build book --builder linkcheck --path-output _build/links --quiet

audit: ## Look up known vulnerabilities of the pinned versions
	@$(PYTHON) -m venv _build/audit
	@_build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit 2> _build/audit/log \
	  || { echo "pip-audit could not be installed, which needs the network (log: _build/audit/log)"; exit 2; }
	@_build/audit/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict --progress-spinner off

lint: $(ENV) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify --keep-id $$(git ls-files '*.ipynb')
	$(BIN)/codespell $$(git ls-files '*.md' '*.py' '*.ipynb' '*.bib' '*.cff' '*.yml')
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(ENV) ## Measure the training engine against a plain PyTorch loop
	@$(BIN)/odestack bench train --width 16 --depth 50

serve: book ## Show the book at http://localhost:8000
	@$(BIN)/python -m http.server --bind localhost --directory _build/html $(PORT)

clean: ## Remove everything that was built, the environment excepted
	rm -rf _build book/chapters book/_extra book/gallery book/gallery.md book/*.ipynb book/*.d

# --- the environment: uv needs a third of pip's time, but knows only its own settings; what it cannot reach, pip may ---

$(ENV): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "odestack needs Python 3.11 or newer, which '$(PYTHON)' is not: try make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "'$(PYTHON)' cannot make virtual environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)"; exit 2; }
	@echo "Installing the environment into $(VENV), a few minutes (log: $(VENV)/install.log)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@{ $(PIP) install $$(grep ^uv== requirements.lock) \
	   && { $(BIN)/uv pip install --python $(BIN)/python --no-deps -r requirements.lock \
	        || $(PIP) install --no-deps --no-compile -r requirements.lock; } \
	   && $(PIP) install --no-deps --no-build-isolation --no-index -e .; } > $(VENV)/install.log 2>&1 \
	  || { if grep -qE 'NewConnectionError|NameResolutionError|ConnectTimeout|Network is unreachable' $(VENV)/install.log; \
	         then echo "The first install needs the network, and the package index could not be reached: connect and run make again"; \
	         else echo "pip could not install the environment: $$(grep -m1 '^ERROR' $(VENV)/install.log) (log: $(VENV)/install.log)"; fi; exit 2; }
	@touch $@

# --- the chapters and the other pages that are notebooks: each, executed, names what it depends on in a .d file ------

$(SETTINGS):
	@rm -rf $(@D) && mkdir -p $(@D) && touch $@

kernels: | $(ENV)  # ready to be forked until this make ends
	@OMP_NUM_THREADS=1 $(BIN)/python -m odestack.book.kernels $(KERNELS) $$PPID

book/chapters/%.ipynb: notebooks/%.ipynb requirements.lock $(SETTINGS) | $(ENV) kernels
	@$(PUBLISH) $< $@ $(OPTIONS)

$(FRONT): book/%.ipynb: notebooks/pages/%.ipynb requirements.lock $(SETTINGS) | $(ENV) kernels
	@$(PUBLISH) $< $@ $(OPTIONS)

book/reproduce.ipynb book/status.ipynb book/teaching.ipynb: $(CHAPTERS)  # they tell how long the chapters ran

book/architecture.ipynb: $(shell find src -name '*.py')

book/chapters/performance.ipynb book/reproduce.ipynb: $(wildcard data/bench data/bench/*.json)

$(TABLES): $(RECORDS) $(EXPORTERS) | $(ENV)
	@OMP_NUM_THREADS=1 $(BIN)/odestack export $(@D) > /dev/null
	@rm -rf $(@D)/runs && mkdir $(@D)/runs && cp -r $(wildcard data/runs/cpu data/runs/gpu) $(@D)/runs
	@touch $@

$(GALLERY): $(CHAPTERS) src/odestack/book/chapters.py src/odestack/book/colophon.py src/odestack/book/gallery.py src/odestack/book/pictures.py
	@$(BIN)/python -m odestack.book.gallery

-include $(CHAPTERS:.ipynb=.d) $(FRONT:.ipynb=.d)

# --- the website: built anew each time, since Sphinx warns only of pages that it reads, and shown when it is whole -----

$(SITE): $(CHAPTERS) $(FRONT) $(TABLES) $(GALLERY) $(TEXTS) src/odestack/book/slides.py requirements.lock | $(ENV)
	@rm -rf _build/draft
	@$(BIN)/jupyter-book build book --path-output _build/draft -W -n --keep-going --quiet > /dev/null
	@cp $(VENV)/lib/python3*/site-packages/plotly/package_data/plotly.min.js book/scripts/*.js _build/draft/_build/html/_static/
	@cp book/slides.css _build/draft/_build/html/  # it and the scripts are not in book/_static: all pages would load them
	@$(BIN)/python -m odestack.book.slides book/slides.md _build/draft/_build/html/slides.html
	@rm -rf _build/html && cp -r _build/draft/_build/html _build/html
	@touch $@

# --- the browser that the tests of the website drive -----------------------------------------------------------------

browser:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	 elif [ "$$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release && apt-get update -qq \
	   && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends chromium fonts-droid-fallback >/dev/null; then :; \
	 else echo "No browser found: the tests of the website are skipped; install chromium (Debian: apt-get install chromium) to run them"; fi
