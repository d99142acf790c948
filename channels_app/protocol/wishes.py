"""When a contact asks for an agent in so many words, whatever the bot would make of it. Pure.

As with choices in one's own words, every word of such a message has to be known: "an agent, please" asks for one,
"agent 007 movie", "I don't want an agent" and "are you a human?" don't.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from channels_app.protocol.languages import Texts
from channels_app.protocol.reading import words

MAX_WORDS = 10
"""Of a message that asks for an agent and says nothing else."""
MAX_ASKED = 100
"""Characters of such a message."""
MAX_PHRASES = 300
"""Of a channel, in all languages."""

Phrase = tuple[str, ...]

READY: Texts = {
    "en": "agent, human, human being, representative, operator, employee, live agent, real person, live person, "
    "talk to a person, speak to a person, talk to someone, speak to someone, customer service",
    "nl": "medewerker, medewerkster, mens, agent, operator, collega, echt persoon, echte persoon, iemand spreken, "
    "klantenservice, klantendienst",
    "fr": "conseiller, conseillère, agent, humain, opérateur, opératrice, vraie personne, parler à quelqu'un, "
    "parler à une personne, service client, service clientèle",
    "de": "Mitarbeiter, Mitarbeiterin, Mensch, Agent, Berater, Beraterin, echte Person, jemanden sprechen, "
    "mit jemandem sprechen, Kundenservice, Kundendienst",
    "es": "agente, humano, humana, asesor, asesora, operador, operadora, persona real, hablar con una persona, "
    "hablar con alguien, atención al cliente",
}
"""What people call the one they want. All languages count, whichever the contact writes: it is often unknown."""
_AROUND: Mapping[str, str] = {
    "en": "a an the please pls plz i d ll you we me us would like want wanna need can could may to with talk speak "
    "chat connect transfer put through get give is there any some now just real live",
    "nl": "een de het alstublieft aub alsjeblieft graag ik wij we mij me ons wil willen zou wou kan kunnen kunt u "
    "mag met spreken praten chatten verbinden doorverbinden geven nodig heb naar er is nu gewoon liever echt "
    "echte van",
    "fr": "un une le la l d de du des s il vous te plait svp stp je j nous on veux voudrais voudrions aimerais "
    "souhaite souhaiterais peux puis pouvez peut parler discuter avec a au vrai vraie besoin ai me moi mettre "
    "relation en contacter joindre maintenant",
    "de": "ein eine einen einem einer der die das den dem bitte ich sie wir mir mich mochte moechte mochten "
    "moechten will wollen wurde wuerde gern gerne kann konnte konnten koennte konnen koennen mit sprechen "
    "reden chatten verbinden verbunden werden echt echter echten echte echtem brauche jetzt lieber zu zum",
    "es": "un una el la los con por favor quiero queremos quisiera querria me gustaria necesito puedo podria puede "
    "hablar chatear comunicarme contactar a al real verdadero de ahora",
}
"""What may stand around it. Nothing that turns the meaning round, and no "I am"."""
_GREETINGS = (
    "hi hello hey hallo hoi dag bonjour salut bonsoir guten tag hola buenas buenos dias ok okay thanks thank bedankt "
    "dank merci danke gracias"
)
"""… but "hello, agent" greets the bot, and "thanks, agent" thanks it."""
_KNOWN = {word for text in _AROUND.values() for word in text.split()}
_POLITE = set(_GREETINGS.split())


def phrases_of(texts: Texts | None) -> tuple[Phrase, ...]:
    """From a channel's lists, texts with commas by language: each phrase as its words, the longest first. None: our
    own."""
    lists = READY if texts is None else texts
    found = (_plain(part) for text in lists.values() for part in split(text))
    return tuple(sorted({phrase for phrase in found if phrase}, key=lambda phrase: (-len(phrase), phrase)))


def wrong_in(text: str) -> str:
    """Why a list can't be taken; empty: it can."""
    for part in split(text):
        phrase = _plain(part)
        if not phrase or len(part) > MAX_ASKED:
            return f"“{part[:MAX_ASKED]}” is no word: write words with commas between them."
        if _KNOWN.union(_POLITE).issuperset(phrase):
            return f"“{part}” stands in many messages that ask for no agent: add the word for an agent."
    return ""


def split(text: str) -> list[str]:
    """The phrases of one list, as they were written."""
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]


def asks_for_agent(text: str, phrases: Sequence[Phrase]) -> bool:
    """Whether the message is one or more of the phrases, alone or in a polite wish."""
    said = _plain(text) if len(text) <= MAX_ASKED else ()
    if not said or len(said) > MAX_WORDS:
        return False
    rest = list(_rest(said, phrases))
    if len(rest) == len(said) or not _KNOWN.union(_POLITE).issuperset(rest):
        return False
    return not rest or not _POLITE.issuperset(rest)


def _rest(said: Phrase, phrases: Sequence[Phrase]) -> Iterator[str]:
    """What is left without the phrases."""
    at = 0
    while at < len(said):
        found = next((phrase for phrase in phrases if said[at : at + len(phrase)] == phrase), None)
        if found is None:
            yield said[at]
        at += len(found or (said[at],))


def _plain(text: str) -> Phrase:
    """Its words as they are read, without case, accents and pictures."""
    read = ("".join(letter.base for letter in word) for word in words(re.sub(r"[,;:./!?]", " ", text)))
    return tuple(word for word in read if any(map(str.isalnum, word)))
