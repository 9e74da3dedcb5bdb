"""Types as Python text: annotations of models, structs and arguments, and the copy from a struct to a model."""

from codegen.ir import Api, Argument, Field, Model, Type
from codegen.naming import codec_name, function_name


def answer_type(field: Field) -> str:
    """A model's annotation."""
    return _optional(_annotation(field.type), field)


def wire_type(field: Field, family: str) -> str:
    """A struct's annotation, in the family that its own name ends with."""
    text = _annotation(field.type, datetime="Time", suffix=family)
    return text if field.type.kind == "choice" else _optional(text, field)


def absent(field: Field) -> str:
    """What stands in a struct's field that the answer does not have."""
    return "NULL" if field.type.kind == "choice" else "None"


def _optional(text: str, field: Field) -> str:
    if not field.required:
        return text if text == "Any" else f"{text} | None"
    return f"{text} | None" if field.nullable and text != "Any" else text


def _annotation(type_: Type, *, datetime: str = "dt.datetime", suffix: str = "") -> str:
    inner = [_annotation(arg, datetime=datetime, suffix=suffix) for arg in type_.args]
    match type_.kind:
        case "decimal":
            return "Decimal"
        case "datetime":
            return datetime
        case "date":
            return "dt.date"
        case "any" | "none":
            return type_.kind.title()
        case "file":
            return "File"
        case "enum":
            return type_.name
        case "model":
            return type_.name + suffix
        case "list":
            return f"list[{inner[0]}]"
        case "map":
            return f"dict[str, {inner[0]}]"
        case "union":
            return " | ".join(dict.fromkeys(inner))
        case "choice":
            known = " | ".join(inner)
            return f"Annotated[Raw, {codec_name(type_.name)}]" if suffix else f"{known} | dict[str, Any]"
        case _:
            return type_.kind


def body_type(type_: Type, door: str = "") -> str:
    """What a caller may give: numbers of any exactness, times as text too, enums by value.

    `door` is what stands before the name of a class.
    """
    inner = [body_type(arg, door) for arg in type_.args]
    match type_.kind:
        case "decimal" | "float":
            return "Decimal | float"
        case "datetime":
            return "dt.datetime | str"
        case "date":
            return "dt.date | str"
        case "enum":
            return f"{door}{type_.name} | str"
        case "model":
            return door + type_.name
        case "list":
            return f"Sequence[{inner[0]}]"
        case "map":
            return f"Mapping[str, {inner[0]}]"
        case "union":
            members = dict.fromkeys(member for text in inner for member in text.split(" | "))
            return " | ".join(sorted(members, key=lambda member: (member == "str", member)))
        case "choice":
            return " | ".join(inner)
        case _:
            return _annotation(type_)


def kinds(field: Field) -> str:
    """The kinds of value that a body's field takes when the program runs."""
    found = value_kinds(field.type)
    return f"{found} null" if found and field.nullable else found


def value_kinds(type_: Type) -> str:
    """The kinds of value that are of a type when the program runs; none where anything is."""
    names = {
        "str": "text",
        "enum": "text",
        "decimal": "number",
        "float": "number",
        "int": "whole",
        "bool": "flag",
        "datetime": "time",
        "date": "time",
        "list": "list",
        "map": "map",
        "file": "file",
    }
    members = type_.args if type_.kind == "union" else (type_,)
    if any(member.kind not in names for member in members):
        return ""
    return " ".join(dict.fromkeys(names[member.kind] + _element_kinds(member) for member in members))


def _element_kinds(type_: Type) -> str:
    """The kinds of a list's elements, in brackets; nothing where they are lists themselves, or anything."""
    inner = value_kinds(type_.args[0]) if type_.kind == "list" else ""
    return f"[{inner.replace(' ', '|')}]" if inner and "[" not in inner else ""


def enum_of(type_: Type) -> str:
    """The enum whose values a text, or each text of a list, is likely to be."""
    return next((name for name in map(enum_of, type_.args) if name), type_.name if type_.kind == "enum" else "")


_SPANS = {"start": "end", "since": "until", "from": "to", "after": "before"}
"""The words that name the two ends of a span of time."""


def parameter(argument: Argument, others: list[Argument], api: Api) -> str:
    """What the program knows of an argument that does not go into a body."""
    text = f"{argument.wire!r}, {argument.name!r}, {value_kinds(argument.type)!r}"
    if argument.required:
        text += ", required=True"
    known = next((enum.members for enum in api.enums if enum.name == enum_of(argument.type)), ())
    if known:
        text += f", known={tuple(value for _, value in known)!r}"
    end = _end_of(argument.name)
    until = next((one.wire for one in others if end and one.name.strip("_") == end), "")
    if until and value_kinds(argument.type) == "time":
        text += f", until={until!r}"
    return f"Parameter({text})"


def _end_of(name: str) -> str:
    """The name of what ends the span that an argument starts; empty where its name says no such thing."""
    words = name.strip("_").split("_")
    ends = [_SPANS.get(word, word) for word in words]
    return "" if ends == words else "_".join(ends)


def _only_model(type_: Type) -> Type | None:
    """The model in a union whose other members are copied as they are."""
    models = [arg for arg in type_.args if arg.kind == "model"]
    others = [arg for arg in type_.args if arg.kind != "model"]
    return models[0] if len(models) == 1 and not any(arg.has("model") for arg in others) else None


def copied(field: Field, model: Model) -> str:
    """The expression that takes a field from the struct `w` to the model."""
    value = f"w.{field.name}"
    type_ = field.type
    optional = not field.required or field.nullable
    if type_.kind == "choice":
        null = ", null=True" if optional else ""
        return f"{codec_name(type_.name)}.read({value}, source, {field.wire!r}{null})"
    if type_.kind in {"list", "map"} and type_.args[0].kind == "choice":
        helper = "many" if type_.kind == "list" else "each"
        text = f"{codec_name(type_.args[0].name)}.{helper}({value}, source, {field.wire!r})"
    elif type_.kind == "model":
        text = f"{function_name(type_.name)}({value}, source and source.at({field.wire!r}))"
    elif type_.kind in {"list", "map"} and type_.args[0].kind == "model":
        helper = "many" if type_.kind == "list" else "each"
        text = f"{helper}({function_name(type_.args[0].name)}, {value}, source, {field.wire!r})"
    elif type_.kind == "union" and (model_type := _only_model(type_)):
        name = function_name(model_type.name)
        text = f"{name}({value}, source and source.at({field.wire!r}))"
        text = f"{text} if isinstance({value}, {model_type.name}Wire) else {value}"
    elif type_.kind == "decimal":
        # Text may stand for an amount, also "NaN". This is asked of every amount, so the common case calls nothing.
        absent = f"(x := {value}) is None or x" if optional else f"(x := {value})"
        return f"x if {absent}.is_finite() else sound(x)"
    elif field.repeats:
        return f"{value} and intern({value})" if optional else f"intern({value})"
    elif type_.has("any") or type_.has("decimal"):
        text = f"sound({value})"
    elif type_.has("model"):
        raise NotImplementedError(f"{model.name}.{field.wire}: models deeper than one list or map are not copied")
    else:
        return value
    return f"None if {value} is None else {text}" if optional else text
