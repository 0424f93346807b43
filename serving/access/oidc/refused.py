"""Why somebody was not signed in: one kind for each, with what the person can do about it."""

from typing import Final

from serving.problems import ApiError

REFUSALS: Final = {
    "state_mismatch": (400, "这次登录不是从本浏览器发起的，或已过期、已用过", "回到登录页重新登录"),
    "provider_refused": (403, "统一身份认证没有同意这次登录", "重新登录；仍不行的，联系统一身份认证的管理员"),
    "provider_unavailable": (503, "统一身份认证暂时不可用", "稍后再试，或用密钥登录"),
    "code_refused": (401, "统一身份认证不认可这次登录的授权码", "回到登录页重新登录"),
    "token_invalid": (401, "统一身份认证给出的身份凭证未通过校验", "重新登录；仍不行的，把请求编号告知管理员"),
    "nonce_mismatch": (401, "身份凭证不是为这次登录发出的", "回到登录页重新登录"),
    "claims_invalid": (403, "身份凭证缺少使用人名称", "联系管理员核对声明的对应关系"),
    "no_permission": (403, "身份已确认，但没有为您开通页面的权限", "联系本系统管理员开通"),
    "revoked": (403, "您在本系统的登录已被停用", "联系本系统管理员"),
}  # fmt: skip
"""Kind to status, message and mend."""


class SignInRefused(ApiError):
    """Nobody was signed in.

    Args:
        kind: One of `REFUSALS`.
        why: For the log and the record; never shown.
    """

    def __init__(self, kind: str, why: str = "") -> None:
        status, message, mend = REFUSALS[kind]
        super().__init__(status, message, code=kind, mend=mend)
        self.why = why
