# make run     set up, fetch the models, and serve the page to talk on (PROFILE=... for another profile)
# make call    ask a spoken question from a file instead
# make test    set up, browser and SFU included, and run all tests (what CI runs)
# make bench   hold simulated conversations and measure turn-taking (configs/bench.yaml), a quarter of an hour
# make fakes   servers that stand in for Groq, OpenTTS and a transcription service, to try profiles without accounts
# make lint    style and types, and known vulnerabilities where their databases can be reached
# make docs    the documentation as a site: open site/index.html
# make page    build the page anew from sfu/client
# make sfu     Node.js, the SFU's packages and its worker; only for profiles with mediasoup
# make setup   the environment in .venv, models included; the others call it

PYTHON ?= python3
BIN := .venv/bin
PROFILE ?= configs/local.yaml
export PATH := $(CURDIR)/$(BIN):$(PATH)
QUESTION := core/voicebot/samples/question.wav
BROWSER_TESTS := tests/browser tests/e2e/test_prod_browser.py

.PHONY: setup run call sfu page chromium deploy-tools test bench docs fakes lint format coverage clean

setup: .venv/.installed
	@$(BIN)/voicebot models pull --all

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "voicebot needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Installing into .venv (about 1 GB, once) ..."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --progress-bar on -e '.[dev]'
	@touch $@

run: setup
	@$(BIN)/voicebot run --profile $(PROFILE)

call: setup
	@mkdir -p out
	@$(BIN)/voicebot call --profile configs/local.yaml --input $(QUESTION) --output out/answer.wav --json out/report.json

sfu: .venv/.installed
	@sfu/setup.sh $(BIN)/python

page: .venv/.installed
	@sfu/setup.sh $(BIN)/python packages
	@cd sfu && npm run --silent build

chromium:
	@tests/install-chromium.sh

deploy-tools: .venv/.installed
	@tests/deploy/install-tools.sh $(BIN)/python

# Browsers need a machine to themselves; the others take turns on two cores.
test: setup sfu chromium deploy-tools
	export MEDIASOUP_WORKER_BIN="$$($(BIN)/python sfu/worker/ensure.py)" \
		&& npm --prefix sfu test --silent \
		&& $(BIN)/python -m pytest $(BROWSER_TESTS) \
		&& $(BIN)/python -m pytest -n 2 --dist loadfile $(addprefix --ignore ,$(BROWSER_TESTS))

bench: setup
	@mkdir -p out
	@$(BIN)/voicebot bench --profile configs/bench.yaml --json out/bench.json --html out/bench.html

docs: .venv/.installed
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

fakes: .venv/.installed
	@$(BIN)/python -m voicebot.testing.fakes

lint: .venv/.installed
	@sfu/setup.sh $(BIN)/python packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd sfu && npm run --silent check
	$(BIN)/python tests/audit.py

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd sfu && npx biome check --write .

coverage: setup
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

clean:
	rm -rf .venv out site .mypy_cache .pytest_cache .ruff_cache .hypothesis
