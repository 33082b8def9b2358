"""The params section and the values of --set to typed parameters."""

from collections.abc import Mapping

from dmsflow.compiler.decode_columns import decode_constant, decode_type
from dmsflow.compiler.literals import LiteralError, parse_constant
from dmsflow.compiler.section import Section
from dmsflow.diagnostics import did_you_mean
from dmsflow.model.spec import Param, ParamValue
from dmsflow.model.table import DataType, TypeName

_TEXT = DataType(name=TypeName.TEXT)


def decode_params(params: Section, settings: Mapping[str, str], *, params_required: bool) -> tuple[Param, ...]:
    """Every declared parameter with the value that --set gave, else its default."""
    names = tuple(params.written_keys())
    for name in settings:
        if name not in names:
            declared = f"declare it under params, or set one of {', '.join(names)}" if names else None
            help = did_you_mean(name, names) or declared or "declare it under params"
            params.report("DMS255", f'--set gives "{name}", which the spec does not declare', help, name)
    return tuple(_decode_param(params, name, settings, params_required) for name in names)


def _decode_param(params: Section, name: str, settings: Mapping[str, str], required: bool) -> Param:
    param = params.section(name)
    type = decode_type(param, "type")
    default = decode_constant(param, "default", type)
    if name in settings:
        return Param(name=name, type=type or _TEXT, value=_read_setting(params, name, settings[name], type))
    if required and not param.has("default"):
        help = f"give it with --set {name}=VALUE, or give it a default"
        params.report("DMS256", f'parameter "{name}" has no value', help, name)
    return Param(name=name, type=type or _TEXT, value=default)


def _read_setting(params: Section, name: str, text: str, type: DataType | None) -> ParamValue:
    try:
        return parse_constant(text, type or _TEXT)
    except LiteralError as error:
        params.report("DMS111", f"--set {name}: {error.message}", error.help, name)
        return None
