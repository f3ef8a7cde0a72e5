"""Canned reasons for rejecting and revoking, in both languages; staff edit their copies (EPR-7)."""

from __future__ import annotations

from compliance.choices import ReasonKind
from compliance.models import ReviewReason
from portal.built_in import register_built_in

REJECT: dict[str, tuple[str, str]] = {
    "illegible": (
        "The files cannot be read. Upload a sharp, complete scan or the original PDF.",
        "文件无法辨认。请上传清晰、完整的扫描件或原始 PDF。",
    ),
    "number_mismatch": (
        "The number in the form is not the number in the file. Copy it from the file.",
        "填写的注册号与文件中的注册号不一致。请按文件填写。",
    ),
    "name_mismatch": (
        (
            "The company in the form is not the company in the file. Enter the name as registered, or choose"
            " an upstream supplier's number and add the purchase invoice."
        ),
        "填写的公司名称与文件中的公司名称不一致。请填写注册时的名称；如为上游供应商的注册号，请选择上游供应商并上传购货发票。",
    ),
    "wrong_country": (
        "The number belongs to another country. Numbers of different countries never stand for each other.",
        "该注册号属于其他国家。不同国家的注册号不能通用。",
    ),
    "wrong_category": (
        "The number belongs to another category. Every category needs its own number.",
        "该注册号属于其他类别。每个类别需要各自的注册号。",
    ),
    "expired": (
        "The certificate has expired. Upload the renewed one.",
        "证书已过期。请上传续期后的证书。",
    ),
    "missing_invoice": (
        (
            "The purchase invoice from the supplier who holds this number is missing, or it does not name the"
            " products."
        ),
        "缺少持有该注册号的供应商开具的购货发票，或发票未列明相关产品。",
    ),
    "not_in_register": (
        (
            "The number is not in the public register. Check it with the authority and submit it again once it"
            " is listed."
        ),
        "在公开登记册中未查到该注册号。请与主管机构核实，登记公布后再次提交。",
    ),
    "incomplete": (
        "Pages or details are missing. Upload every page, with stamp and date of issue.",
        "页面或信息不完整。请上传全部页面，须包含印章和签发日期。",
    ),
    "not_genuine": (
        "The issuer does not confirm this certificate, or the file has been altered.",
        "签发机构未确认该证书，或文件经过改动。",
    ),
    "duplicate": (
        "This number is submitted already, or another shop has it verified as its own.",
        "该注册号已提交，或已被其他店铺认证为自有注册号。",
    ),
    "other": (
        "The certificate cannot be accepted as it was submitted.",
        "提交的证书无法通过审核。",
    ),
}
REVOKE: dict[str, tuple[str, str]] = {
    "registration_ended": (
        "The register says that this registration has ended.",
        "登记册显示该注册已终止。",
    ),
    "not_genuine": (
        "The issuer does not confirm this certificate, or the file has been altered.",
        "签发机构未确认该证书，或文件经过改动。",
    ),
    "holder_objects": (
        "The holder of the number objects to its use by your shop.",
        "注册号持有人不同意贵店使用该注册号。",
    ),
    "approved_in_error": (
        "The certificate was approved by mistake. We apologise; correct it and submit it again.",
        "该证书系误审通过，深表歉意。请更正后再次提交。",
    ),
    "duties_not_met": (
        "The obligations of this registration have not been met, as the authority tells us.",
        "据主管机构通知，该注册的相关义务未履行。",
    ),
    "other": (
        "The approval of this certificate has been withdrawn.",
        "该证书的认证已被撤销。",
    ),
}


@register_built_in
def review_reasons() -> None:
    """Add the reasons that are missing; what staff changed or took out of use stays."""
    ReviewReason.objects.bulk_create(
        [
            ReviewReason(kind=kind, code=code, text_en=english, text_zh=chinese)
            for kind, reasons in ((ReasonKind.REJECT, REJECT), (ReasonKind.REVOKE, REVOKE))
            for code, (english, chinese) in reasons.items()
        ],
        ignore_conflicts=True,
    )
