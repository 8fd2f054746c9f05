# Every target is one verb of run.py, which needs nothing but a Python to start.
PY ?= python3

.PHONY: demo demo-reset test quick check bench faults faults-prove chaos clean
demo demo-reset test quick check bench:
	@$(PY) run.py $@

faults:
	@$(PY) run.py faults $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FROM),--from $(FROM))

faults-prove:
	@$(PY) run.py faults-prove

chaos:
	@$(PY) run.py chaos $(if $(MINUTES),--minutes $(MINUTES))

clean:
	@rm -rf .venv var staticfiles .mypy_cache .ruff_cache .pytest_cache tests/outside/node_modules
