"""Choices in a person's own words: "two", "the second one, please", "I'd like the parcel", "parcle".

Of a sentence every word has to be known: what isn't may turn its meaning round, and then the bot reads it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from channels_app.protocol import Option
from channels_app.protocol.reading import Word, is_alike, transcribed, words

MAX_WORDS = 10
"""Of a sentence that names a choice and says nothing else."""
MAX_SPOKEN = 100
"""Characters of such a sentence."""
LAST_CYRILLIC = "\u04ff"
MIN_TYPO_LETTERS = 5
"""Of a word in which one wrong letter is a slip: shorter ones have too many neighbours, like "north" and "worth"."""


@dataclass(frozen=True, slots=True)
class _Language:
    cardinals: str
    """One to twenty, like the ordinals; variants of one number are joined by a slash."""
    ordinals: str
    last: str
    names: str
    """What the number of a choice is called, and what may stand around any choice."""
    wishes: str
    """What says that it is wanted; with a number alone it may be a quantity: "I want two"."""


def _declined(stems: str) -> str:
    """German ordinals in all their cases."""
    endings = ("e", "en", "er", "es", "em")
    return " ".join(
        "/".join(f"{stem}{ending}" for stem in stems_of_one.split("/") for ending in endings)
        for stems_of_one in stems.split()
    )


_LANGUAGES: Mapping[str, _Language] = {
    "en": _Language(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty",
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth",
        "last",
        "option number choice answer the a an please thanks thank you ok okay just",
        "i d ll m s we would like want take need choose pick prefer love go with for my is it its that this have",
    ),
    "nl": _Language(
        "een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien "
        "achttien negentien twintig",
        "eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde dertiende veertiende "
        "vijftiende zestiende zeventiende achttiende negentiende twintigste",
        "laatste",
        "optie nummer keuze antwoord de het een alstublieft aub alsjeblieft bedankt dank u je oke graag maar",
        "ik wij we wil willen zou neem kies heb nodig voor mijn is dat die dit liefst liever doe",
    ),
    "fr": _Language(
        "un/une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
        "dix-huit dix-neuf vingt",
        "premier/premiere deuxieme/second/seconde troisieme quatrieme cinquieme sixieme septieme huitieme "
        "neuvieme dixieme onzieme douzieme treizieme quatorzieme quinzieme seizieme dix-septieme dix-huitieme "
        "dix-neuvieme vingtieme",
        "dernier/derniere",
        "option numero choix reponse le la les l un une s il vous te plait svp stp merci d accord ok",
        "je j nous veux voudrais voudrions prends prend choisis prefere aimerais pour mon ma c est ce de du des",
    ),
    "de": _Language(
        "eins/ein/eine zwei/zwo drei vier funf/fuenf sechs sieben acht neun zehn elf zwolf/zwoelf dreizehn vierzehn "
        "funfzehn/fuenfzehn sechzehn siebzehn achtzehn neunzehn zwanzig",
        _declined(
            "erst zweit dritt viert funft/fuenft sechst siebt acht neunt zehnt elft zwolft/zwoelft dreizehnt "
            "vierzehnt funfzehnt/fuenfzehnt sechzehnt siebzehnt achtzehnt neunzehnt zwanzigst"
        ),
        "letzte/letzten/letzter/letztes",
        "option nummer wahl auswahl antwort der die das den dem ein eine einen bitte danke ok okay",
        "ich wir mochte moechte mochten will wollen hatte haette nehme nehmen wahle waehle gern gerne lieber fur fuer "
        "mein meine es ist brauche",
    ),
    "es": _Language(
        "uno/una/un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis "
        "diecisiete dieciocho diecinueve veinte",
        "primero/primera/primer segundo/segunda tercero/tercera/tercer cuarto/cuarta quinto/quinta sexto/sexta "
        "septimo/septima octavo/octava noveno/novena decimo/decima undecimo/undecima/decimoprimero/decimoprimera "
        "duodecimo/duodecima/decimosegundo/decimosegunda decimotercero/decimotercera/decimotercer "
        "decimocuarto/decimocuarta decimoquinto/decimoquinta decimosexto/decimosexta decimoseptimo/decimoseptima "
        "decimoctavo/decimoctava decimonoveno/decimonovena vigesimo/vigesima",
        "ultimo/ultima",
        "opcion numero eleccion respuesta el la los las lo un una por favor gracias vale ok",
        "yo quiero queremos quisiera querria me gustaria tomo elijo escojo prefiero necesito para mi es eso de",
    ),
}
_CALLED = {
    *("option", "number", "choice", "answer", "optie", "nummer", "keuze", "antwoord", "numero", "choix", "reponse"),
    *("wahl", "auswahl", "antwort", "opcion", "eleccion", "respuesta"),
}
"""With these words a number means a choice, even among other words."""


def _by_word(lists: Iterator[str]) -> dict[str, int]:
    return {
        word: place
        for words in lists
        for place, variants in enumerate(words.split(), 1)
        for word in variants.split("/")
    }


_CARDINALS = _by_word(language.cardinals for language in _LANGUAGES.values())
_ORDINALS = _by_word(language.ordinals for language in _LANGUAGES.values())
_LAST = {word for language in _LANGUAGES.values() for word in language.last.split("/")}
_NAMES = {word for language in _LANGUAGES.values() for word in language.names.split()}
_WISHES = {word for language in _LANGUAGES.values() for word in language.wishes.split()}
_SECONDS = {"second", "seconde", "segundo"}
"""What is second, and a unit of time: "one second, please" asks to wait."""
_SOME = {"a", "an", "one", "just", "een", "un", "une", "ein"}
_ORDINAL = re.compile(r"(\d{1,4})(?:st|nd|rd|th|e|de|ste|er|re|ere|eme|ieme|o|a|te|ten|ter|tes)")


def choose_spoken(text: str, options: Sequence[Option], *, by_number: bool) -> Option | None:
    """What is chosen in a person's own words, where `choose` has found nothing; None: nothing, or more than one.

    `by_number`: whether a number can mean one.
    """
    offered = [option for option in options if option.is_choosable]
    if not offered or len(text) > MAX_SPOKEN or "?" in text:
        return None
    readings = ((read(text), [read(option.title) for option in offered]) for read in (words, _transcribed_words))
    found = (_spoken(said, titles, offered, by_number=by_number) for said, titles in readings)
    return next(filter(None, found), None)


def _transcribed_words(text: str) -> list[Word]:
    return words(transcribed(text))


def _spoken(
    said: Sequence[Word], titles: Sequence[Sequence[Word]], offered: Sequence[Option], *, by_number: bool
) -> Option | None:
    if not said or len(said) > MAX_WORDS:
        return None
    found = [offered[place] for place in _named(said, titles)]
    if not found and (number := _number(said, [option.number for option in offered])):
        found = [option for option in offered if option.number == number] if by_number else []
    elif not found:
        found = [option for option, title in zip(offered, titles, strict=True) if _is_slip(said, title)]
    return found[0] if len(found) == 1 else None


def _plain(said: Sequence[Word]) -> list[str]:
    return ["".join(letter.base for letter in word) for word in said]


def _number(said: Sequence[Word], numbers: Sequence[int]) -> int | None:
    """The number that is meant, if a list shows it: "two", "option 2", "I want the second one"."""
    plain = _plain(said)
    for place, word in enumerate(plain):
        rest = plain[:place] + plain[place + 1 :]
        if word in _SECONDS and plain[max(0, place - 1)] in _SOME:
            continue
        ordinal = _ordinal(word, numbers)
        if ordinal:
            rest = [other for other in rest if other not in ("one", "ones")]
        number = ordinal or _cardinal(word, is_called=bool(rest))
        known = _NAMES | _WISHES if ordinal or not _CALLED.isdisjoint(rest) else _NAMES
        if number and number in numbers and known.issuperset(rest):
            return number
    return None


def _ordinal(word: str, numbers: Sequence[int]) -> int | None:
    if word in _LAST:
        return max(numbers, default=None)
    found = _ORDINAL.fullmatch(word)
    return int(found[1]) if found else _ORDINALS.get(word)


def _cardinal(word: str, *, is_called: bool) -> int | None:
    """Figures alone are judged by `choose`, which knows the titles that begin with some."""
    if re.fullmatch(r"[0-9]{1,4}", word):
        return int(word) if is_called else None
    return _CARDINALS.get(word)


def _named(said: Sequence[Word], titles: Sequence[Sequence[Word]]) -> list[int]:
    """The places of the titles that a short sentence names, saying nothing else; of "parcel" and "parcel shop" the
    longer one."""
    found = []
    for place, title in enumerate(titles):
        for at in range(len(said) - len(title) + 1 if title and len(title) < len(said) else 0):
            rest = _plain([*said[:at], *said[at + len(title) :]])
            is_there = all(is_alike(ours, theirs) for ours, theirs in zip(said[at:], title, strict=False))
            if is_there and (_NAMES | _WISHES).issuperset(rest):
                found.append((len(title), place))
                break
    longest = max(found, default=(0, 0))[0]
    return [place for length, place in found if length == longest]


def _is_slip(said: Sequence[Word], title: Sequence[Word]) -> bool:
    """One letter too many, too few, another one, or two swapped."""
    if len(said) != len(title):
        return False
    different = [pair for pair in zip(said, title, strict=True) if not is_alike(*pair)]
    return len(different) == 1 and _is_word_slip(*_plain(different[0]))


def _is_word_slip(said: str, meant: str) -> bool:
    """Its first letter is right, its last is neither missing nor new, and no figure is concerned: "atypical",
    "parcels" and "Model 3" are other words. Where a letter is a syllable or a word, nothing is a slip."""
    if not (said.isalpha() and meant.isalpha()) or len(meant) < MIN_TYPO_LETTERS or said[:1] != meant[:1]:
        return False
    if said == meant or any(letter > LAST_CYRILLIC for letter in said + meant):
        return False
    start = next((at for at, (a, b) in enumerate(zip(said, meant, strict=False)) if a != b), None)
    if start is None:
        return False
    ours, theirs = said[start:], meant[start:]
    is_swapped = ours[:2] == theirs[:2][::-1] and ours[2:] == theirs[2:]
    return is_swapped or ours[1:] == theirs[1:] or ours[1:] == theirs or ours == theirs[1:]
