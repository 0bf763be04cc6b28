# Two commands matter: `make demo` and `make test`. Both make .venv on their first run.
PYTHON ?= python3
EXTRAS ?= test
SEEDS ?= 5
BIN := .venv/bin

# Tests run in as many processes as there are cores; threads of a BLAS would fight over them.
test claims oldest: export OMP_NUM_THREADS = 1
test claims oldest: export OPENBLAS_NUM_THREADS = 1

.PHONY: demo test claims oldest notebooks book drill lint docs gallery site bench clean

demo: .venv/.with-demo
	$(BIN)/python examples/train_mlp.py --data digits --out out

test: .venv/.with-$(EXTRAS)
	$(BIN)/python -m pytest -n auto

# Each experiment of the ledger with several seeds, and the faults that must show.
claims: .venv/.with-test
	GRADWALK_CLAIM_SEEDS=$(SEEDS) $(BIN)/python -m pytest -n auto -m claims tests/test_claims.py \
		tests/test_claims_mutants.py

# The notebooks, in an environment of their own, with the lowest NumPy and SciPy that setup.cfg allows,
# and with OpenBLAS's sums for a processor without AVX-512: what they teach must not hang on rounding.
oldest: export OPENBLAS_CORETYPE = Haswell
oldest:
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet -e '.[test,notebooks]' \
		$$(sed -nE 's/^ +(numpy|scipy)>=(.+)/\1==\2/p' setup.cfg)
	.venv-oldest/bin/python -m pytest -n auto -m notebooks tests/test_notebooks.py

# JupyterLab refuses root unless it is told; in a container one often is.
notebooks: .venv/.with-notebooks
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/00_tour.ipynb

book: .venv/.with-notebooks
	cd notebooks && ../$(BIN)/python -m lab.book $(NAMES)

drill: .venv/.with-test
	cd notebooks && ../$(BIN)/python -m lab.drill

lint: .venv/.with-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/.with-test
	$(BIN)/python docs/generate.py ops claims

gallery: .venv/.with-test
	$(BIN)/python docs/gallery.py

site: .venv/.with-docs
	$(BIN)/python -m sphinx -q -W -c docs . out/site
	echo '<meta http-equiv="refresh" content="0; url=docs/index.html">' > out/site/index.html

bench: .venv/.with-bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv .venv-* out build *.egg-info

.venv/bin/python:
	$(PYTHON) -m venv .venv

# One stamp for each set of extras; `demo` is the package with matplotlib for the curves.
.venv/.with-demo: .venv/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[plots]'
	touch $@

.venv/.with-%: .venv/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[$*]'
	touch $@
