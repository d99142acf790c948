"""The catalogue of codes, to read: what each means, its causes, how to check and to repair it."""

from django.http import Http404, HttpRequest, HttpResponse

from channels_app.codes import AREAS, CODES
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.pages.wording import rich, with_variables


@operator_page()
def codes(request: HttpRequest) -> HttpResponse:
    areas = [
        (prefix, title, [(one, with_variables(one.text)) for one in CODES.values() if one.code.startswith(prefix)])
        for prefix, title in AREAS.items()
    ]
    return show(request, "codes", "Codes", areas=areas)


@operator_page()
def code(request: HttpRequest, code: str) -> HttpResponse:
    found = CODES.get(code.upper())
    if found is None:
        raise Http404
    parts = [(title, [rich(text) for text in texts]) for title, texts in found.sections()]
    sentence = with_variables(found.text)
    return show(request, "code", f"{found}: {found.name}", code=found, sentence=sentence, parts=parts)
