"""Refusals of a run by kind: the plan with its refusal, as an update of the state."""

from agents.assistant.state import State
from cspon.schemas.agent import Plan, Refusal, RefusalKind
from cspon.schemas.knowledge import Citation
from knowledge_base.access import NO_PERMISSION

PERMISSION_MEND = "确因工作需要查看的，请向资料的主管部门或者系统管理员申请权限。"


def refusing(plan: Plan, kind: RefusalKind, message: str, mend: str) -> State:
    """Refuse a plan."""
    refusal = Refusal(kind=kind, message=message, mend=mend)
    return {"plan": plan.model_copy(update={"refusal": refusal}).model_dump(mode="json")}


def no_such_clause(plan: Plan, named: list[Citation]) -> State:
    """The question itself names a clause that its document does not have."""
    return refusing(
        plan,
        RefusalKind.NOT_IN_KNOWLEDGE_BASE,
        "问题所引的条文与库内文本不符：" + "；".join(f"{c.label}——{c.note}" for c in named) + "。",
        "请核对文件名称、版本和条号。",
    )


def no_permission(plan: Plan) -> State:
    """The base holds what was asked for, and this reader may not read it: say so and name nothing."""
    return refusing(
        plan,
        RefusalKind.NO_PERMISSION,
        f"{NO_PERMISSION}，不能据此回答。",
        PERMISSION_MEND,
    )


def not_in_base(plan: Plan, citations: list[Citation]) -> State:
    """The base does not answer the question."""
    named = [c.label for c in citations if c.verification == "not_in_base"]
    about = f"（问题提到的{'、'.join(named)}未入库）" if named else ""
    return refusing(
        plan,
        RefusalKind.NOT_IN_KNOWLEDGE_BASE,
        f"法规库中没有能回答这个问题的条文{about}。",
        "可用 cspon kb add 把相关文件入库后再问。",
    )
