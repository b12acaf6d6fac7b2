# make run     set up, fetch the models, and answer a spoken question
# make test    set up and run all tests (what CI runs)
# make lint    style and types
# make setup   the environment in .venv, models included; the others call it

PYTHON ?= python3
BIN := .venv/bin
QUESTION := core/voicebot/samples/question.wav

.PHONY: setup run test lint format coverage clean

setup: .venv/.installed
	@$(BIN)/voicebot models pull --all

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "voicebot needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Installing into .venv (about 800 MB, once) ..."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --progress-bar on -e '.[dev]'
	@touch $@

run: setup
	@mkdir -p out
	@$(BIN)/voicebot call --profile configs/local.yaml --input $(QUESTION) --output out/answer.wav --json out/report.json

test: setup
	$(BIN)/python -m pytest

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: setup
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

clean:
	rm -rf .venv out .mypy_cache .pytest_cache .ruff_cache .hypothesis
