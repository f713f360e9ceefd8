# Two commands: `make run` sets up and paints once; `make test` sets up and runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check clean

$(VENV)/.run: pyproject.toml requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.test: $(VENV)/.run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: $(VENV)/.run
	mkdir -p out
	$(BIN)/scumble fill examples/table.png --mask examples/table-mask.png --prompt "a red apple" --seed 1 -o out/table.png
	@echo
	@echo "The plate in examples/table.png now has an apple on it: see out/table.png. The backend runs on, so the next one is quick:"
	@echo '    $(BIN)/scumble fill PICTURE --mask MASK --prompt "what belongs there" -o RESULT.png'
	@echo "$(BIN)/scumble --help tells the rest; $(BIN)/scumble stop ends the backend."

test: check
	$(BIN)/python -m pytest

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info
