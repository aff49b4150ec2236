# Two commands: `make run` and `make test`. All of it is in dev.py, which needs no make.
PYTHON ?= python3

.PHONY: run test check check-infra coverage install lint docs lock package sbom scan

run:
	@$(PYTHON) dev.py run $(if $(ONCE),--once)

test check check-infra coverage install lint docs lock package sbom scan:
	@$(PYTHON) dev.py $@
