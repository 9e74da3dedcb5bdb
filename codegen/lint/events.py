"""Rules for webhooks: one POST for each event, and the component that is its payload."""

from codegen.lint.view import JSON, View, mapping, sequence, text
from codegen.spec import pointer

_STABILITY = ("documented", "sdk-only", "observed", "preview")


def check(view: View) -> None:
    """Refuse webhooks that no event can be made of."""
    names: set[str] = set()
    for name, item in mapping(view.spec.data.get("webhooks")).items():
        place = pointer("webhooks", name, "post")
        node = mapping(mapping(item).get("post"))
        if list(mapping(item)) != ["post"]:
            view.refuse(pointer("webhooks", name), "a webhook has a post and nothing else")
            continue
        if not text(node.get("summary")).rstrip().endswith("."):
            view.refuse(place, "summary is missing: say in one sentence, with a full stop, when the event is sent")
        if node.get("x-stability") not in _STABILITY:
            view.refuse(place, f"x-stability must be one of {', '.join(_STABILITY)}")
        if not sequence(node.get("x-sources")):
            view.refuse(place, "x-sources must list where the event is known from")
        body = view.follow(node.get("requestBody"), place)[1]
        content = mapping(body.get("content"))
        if list(content) != [JSON] or not view.is_object(mapping(content[JSON]).get("schema")):
            view.refuse(place, f"the requestBody must be {JSON} with a $ref to an object component: name the payload")
        aliases = sequence(node.get("x-aliases"))
        if not all(isinstance(alias, str) for alias in aliases):
            view.refuse(place, "x-aliases must be a list of other spellings of the name")
        for spelling in (name, *(text(alias) for alias in aliases)):
            if spelling in names:
                view.refuse(place, f"{spelling} is the name of another event already: keep one of them")
            names.add(spelling)
