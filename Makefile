# Every target is one verb of run.py, which needs nothing but a Python to start.
PY ?= python3

.PHONY: demo demo-reset test quick check bench faults faults-prove clean
demo demo-reset test quick check bench:
	@$(PY) run.py $@

faults:
	@$(PY) run.py faults $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FROM),--from $(FROM))

faults-prove:
	@$(PY) run.py faults-prove

clean:
	@rm -rf .venv var staticfiles .mypy_cache .ruff_cache .pytest_cache tests/outside/node_modules
