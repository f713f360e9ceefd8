# Two commands: `make run` sets up, paints once and opens Krita where there is one; `make test` sets up and runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# What the tests need from the system, by its name in Debian and Ubuntu: the libraries that Qt loads even without a screen, and
# a real Krita with its Python and a screen that nobody sees.
SYSTEM := libdbus-1-3 libegl1 libfontconfig1 libgl1 libglib2.0-0 libxext6 libxkbcommon0 krita python3-pyqt5 xvfb

.PHONY: run test test-krita test-kritas check clean

$(VENV)/.run: pyproject.toml requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.test: $(VENV)/.run requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# Installs what is missing, where that is possible: on Debian and its kin, as root.
$(VENV)/.system: Makefile
	mkdir -p $(VENV)
	@missing=""; \
	if command -v apt-get >/dev/null; then \
		for name in $(SYSTEM); do \
			dpkg-query -W -f '$${db:Status-Status}\n' $$name 2>/dev/null | grep -qx installed || missing="$$missing $$name"; \
		done; \
	fi; \
	if [ -z "$$missing" ]; then touch $@; \
	elif [ "$$(id -u)" != 0 ]; then echo "Some tests need these packages, which only root can install: apt-get install$$missing"; \
	else apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing && touch $@ \
		|| echo "Some tests need these packages, which could not be installed:$$missing"; fi

run: $(VENV)/.run
	mkdir -p out
	$(BIN)/scumble fill examples/table.png --mask examples/table-mask.png --prompt "a red apple" --seed 1 -o out/table.png
	@echo
	@echo "The plate in examples/table.png now has an apple on it: see out/table.png. The backend runs on, so the next one is quick:"
	@echo '    $(BIN)/scumble fill PICTURE --mask MASK --prompt "what belongs there" -o RESULT.png'
	@echo "$(BIN)/scumble --help tells the rest; $(BIN)/scumble stop ends the backend."
	@echo
# Krita's own Python takes its home from the first python3 on the path: Krita's folder goes first.
	@krita=$$(command -v krita || ls /Applications/krita.app/Contents/MacOS/krita 2>/dev/null); \
	if [ -z "$$krita" ]; then \
		echo "To paint in Krita, get it from https://krita.org (on Debian and its kin: apt-get install krita python3-pyqt5),"; \
		echo "then: $(BIN)/scumble install-plugin"; \
	elif [ -z "$$DISPLAY$$WAYLAND_DISPLAY" ] && [ "$$(uname)" != Darwin ]; then \
		echo "Krita is here, but no screen to show it on. Where there is one: $(BIN)/scumble install-plugin, then start Krita."; \
	else \
		$(BIN)/scumble install-plugin && \
		echo "Krita opens, with the docker Scumble: press Ctrl+A, or select a part, say what belongs there, and press Generate." && \
		( env -u PYTHONPATH -u PYTHONHOME -u VIRTUAL_ENV PATH="$$(dirname "$$krita"):$$PATH" SCUMBLE_SHOW_DOCKER=1 \
			"$$krita" --nosplash "$(CURDIR)/examples/table.png" >out/krita.log 2>&1 & ); \
	fi

# A real Krita mostly waits, so its tests run beside the others; what they say is told at the end.
test: $(VENV)/.system check
	@mkdir -p out; \
	echo "The tests that drive a real Krita run beside these, and write to out/test-krita.log."; \
	$(BIN)/python -m pytest -m krita >out/test-krita.log 2>&1 & krita=$$!; \
	trap 'kill $$krita; exit 1' INT TERM; \
	plain=0; $(BIN)/python -m pytest -m "not krita" || plain=$$?; \
	driven=0; wait $$krita || driven=$$?; \
	cat out/test-krita.log; \
	exit $$((plain | driven))

# Only what drives a real Krita.
test-krita: $(VENV)/.system $(VENV)/.test
	$(BIN)/python -m pytest -m krita tests/test_krita

# The same, and on Krita 5.2.9 and 6.0.4, each in a Debian that is made once (as root, with debootstrap; 1.4 GB each).
test-kritas: $(VENV)/.test
	$(BIN)/python tests/krita_harness/kritas.py

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info
