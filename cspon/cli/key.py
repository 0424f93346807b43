"""`cspon key`: who may call the service."""

import getpass
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cspon.cli.assembly import say
from cspon.schemas.base import Secrecy
from cspon.settings import load_settings
from serving.access.keys import DEFAULT_SCOPES, LONGEST_DAYS, Key, NewKey, Scope, expiry
from serving.access.secret import server_secret
from serving.access.store import KeyStore

app = typer.Typer(help="密钥：新建、列表、更换、停用、恢复", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="标准输出为 JSON")]
DaysOption = Annotated[int, typer.Option("--days", min=1, max=LONGEST_DAYS, help="有效天数")]
KeyArgument = Annotated[str, typer.Argument(help="密钥编号（列表中的前缀）", metavar="编号")]


@app.command("create")
def create(
    user: Annotated[str, typer.Option("--user", help="使用人或系统名称")],
    tenant: Annotated[str, typer.Option("--tenant", help="单位")] = "",
    department: Annotated[list[str] | None, typer.Option("--department", help="部门")] = None,
    role: Annotated[list[str] | None, typer.Option("--role", help="角色，如 知识库管理员")] = None,
    level: Annotated[Secrecy, typer.Option("--level", help="可见密级")] = Secrecy.PUBLIC,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help=f"权限，默认 {'、'.join(DEFAULT_SCOPES)}")
    ] = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="可用模型，默认全部")] = None,
    tool: Annotated[list[str] | None, typer.Option("--tool", help="可用工具，默认全部")] = None,
    days: DaysOption = 365,
    note: Annotated[str, typer.Option("--note", help="备注")] = "",
    as_json: JsonOption = False,
) -> None:
    """新建密钥；密钥只显示这一次."""
    key = Key(
        id="",
        user=user,
        tenant=tenant,
        departments=tuple(department or ()),
        roles=tuple(role or ()),
        clearance=level,
        scopes=_scopes(scope),
        models=tuple(model or ()),
        tools=tuple(tool or ()),
        note=note,
        created_at=datetime.now(UTC),
        created_by=getpass.getuser(),
        expires_at=expiry(days),
    )
    _show_new(_store().create(key), as_json)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """列出全部密钥（不含密文）."""
    keys = _store().all()
    if as_json:
        typer.echo(json.dumps([_facts(key) for key in keys], ensure_ascii=False, indent=1))
        return
    if not keys:
        say("还没有密钥；用 cspon key create --user 名称 新建")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("编号", "使用人", "单位", "密级", "权限", "到期", "状态")
    now = datetime.now(UTC)
    for key in keys:
        table.add_row(
            key.id,
            key.user,
            key.tenant,
            key.clearance.value,
            " ".join(key.scopes),
            f"{key.expires_at.astimezone():%Y-%m-%d}",
            key.refusal(now) or "有效",
        )
    Console().print(table)


@app.command("rotate")
def rotate(
    key: KeyArgument,
    days: DaysOption = 365,
    overlap: Annotated[
        int, typer.Option("--overlap-hours", min=0, help="旧密钥继续有效的小时数")
    ] = 24,
    as_json: JsonOption = False,
) -> None:
    """更换密钥：发新的，旧的过若干小时失效."""
    made = _store().rotate(key, expires_at=expiry(days), overlap=timedelta(hours=overlap))
    _show_new(made, as_json)


@app.command("revoke")
def revoke(key: KeyArgument) -> None:
    """停用密钥，立即生效；已登录的页面同时失效."""
    ended = _store().revoke(key)
    say(f"已停用 {ended.prefix}（{ended.user}）")


@app.command("restore")
def restore(key: KeyArgument) -> None:
    """恢复被停用的统一身份认证登录（编号以 oidc- 开头）；本人须重新登录."""
    back = _store().restore(key)
    say(f"{back.prefix}（{back.user}）可以重新登录")


def _store() -> KeyStore:
    settings = load_settings()
    return KeyStore(settings.keys_db, server_secret(settings.secret_file))


def _scopes(given: list[str] | None) -> tuple[Scope, ...]:
    from typing import get_args

    known: tuple[Scope, ...] = get_args(Scope)
    wanted = tuple(scope for scope in known if scope in (given or DEFAULT_SCOPES))
    unknown = [scope for scope in given or () if scope not in known]
    if unknown:
        raise typer.BadParameter(f"没有权限 {'、'.join(unknown)}；可用：{'、'.join(known)}")
    return wanted


def _show_new(made: NewKey, as_json: bool) -> None:
    if as_json:
        facts = {**_facts(made.key), "secret": made.secret}
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=1))
        return
    typer.echo(made.secret)
    ends = f"{made.key.expires_at.astimezone():%Y-%m-%d}"
    say(
        f"密钥 {made.key.prefix} 发给 {made.key.user}，{ends} 到期。上面一行只显示这一次，请妥善保存。"
    )


def _facts(key: Key) -> dict[str, Any]:
    return {"prefix": key.prefix, **key.model_dump(mode="json")}
