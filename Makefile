.PHONY: setup demo test search check lock snippet

PYTHON ?= python3
BIN := .venv/bin
SNIPPET := api/static/capture

setup: .venv/ready

# Hash-pinned: what is installed is what was tested.
.venv/ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed; say which with make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	$(BIN)/relance demo

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A process for each core: each has its own Postgres and Temporal server, and its tests wait for those most of the time.
# Compiled before: where Python writes no bytecode, each start of a workflow would compile its module again.
test: check
	$(BIN)/python -m compileall -q workflows
	$(BIN)/pytest -n auto --dist worksteal

# The suite tries its laws on the same examples each time; this looks for new ones that break them.
search: setup
	HYPOTHESIS_PROFILE=search $(BIN)/pytest $$(grep -rl '^from hypothesis' tests --include='test_*.py')

# Lock the newest versions that pyproject.toml allows, for every platform and Python at once.
lock: setup
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade --quiet -o requirements/runtime.txt
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade --quiet -o requirements/dev.txt

# Make the script that pages load out of its source, and note in its first line which source that was. Needs Node.
snippet:
	{ echo "// docs/capture.md $$(sha256sum < $(SNIPPET).js | cut -c 1-12)"; \
	npx --yes terser@5.51.2 $(SNIPPET).js --ecma 2020 --compress passes=3,unsafe_arrows=true,booleans_as_integers=true --mangle; } > $(SNIPPET).min.js
