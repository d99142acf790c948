"""What the bridge itself says to contacts: the occasions, our own sentences for them, and whose language counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from channels_app.protocol import ContactAttribute
from channels_app.protocol.languages import ANY, Texts, language_tag, pick_text


class Occasion(StrEnum):
    HANDOVER = "handover"
    """The bot fails, and agents take over."""
    APOLOGY = "apology"
    """The bot fails, and keeps the conversation."""
    SILENCE = "silence"
    """The contact has said nothing for a while."""
    SILENCE_END = "silence_end"
    """Nor after the question: the conversation ends."""
    OPENED = "opened"
    """The bot asks for an agent, and agents take over."""
    QUEUE = "queue"
    """The same, and it takes a while until one answers."""
    NOBODY = "nobody"
    """The bot asks for an agent while none is available."""
    LEAVE_MESSAGE = "leave_message"
    """The contact can then choose to leave a message: what the choice is called."""
    LEFT_MESSAGE = "left_message"
    """The contact then wants to leave a message."""
    CLOSED = "closed"
    """The bot asks for an agent outside the opening hours."""
    DISABLED = "disabled"
    """The bot asks for an agent while handovers are switched off."""
    RESOLVED = "resolved"
    """The bot ends the conversation."""
    FILE = "file"
    """The contact sends a file, which the bot isn't asked about."""
    HOLDING = "holding"
    """The bot thinks for long."""
    PAUSED = "paused"
    """The bot is switched off, and agents don't take over."""


READY: Mapping[Occasion, Texts] = {
    Occasion.HANDOVER: {
        "en": "One moment, please. A colleague will take over and help you here.",
        "nl": "Een ogenblik, alstublieft. Een collega neemt het gesprek over en helpt u hier verder.",
        "fr": "Un instant, s'il vous plaît. Un de nos conseillers prend le relais et vous répondra ici.",
        "de": "Einen Moment, bitte. Unser Team übernimmt und hilft Ihnen hier weiter.",
        "es": "Un momento, por favor. Una persona de nuestro equipo continuará la conversación con usted.",
    },
    Occasion.APOLOGY: {
        "en": "Sorry, something went wrong on our side. Please send your message again in a moment.",
        "nl": "Sorry, er ging bij ons iets mis. Stuur uw bericht straks nog eens, alstublieft.",
        "fr": "Désolés, un problème est survenu de notre côté. Veuillez renvoyer votre message dans un instant.",
        "de": "Entschuldigung, bei uns ist etwas schiefgelaufen. Bitte senden Sie Ihre Nachricht gleich noch einmal.",
        "es": "Lo sentimos, ha habido un problema por nuestra parte. Vuelva a enviar su mensaje en unos momentos.",
    },
    Occasion.SILENCE: {
        "en": "Are you still there? Just write, and we'll carry on.",
        "nl": "Bent u er nog? Schrijf gerust, dan gaan we verder.",
        "fr": "Êtes-vous toujours là ? Écrivez-nous et nous continuerons.",
        "de": "Sind Sie noch da? Schreiben Sie einfach, dann machen wir weiter.",
        "es": "¿Sigue ahí? Escríbanos y continuamos.",
    },
    Occasion.SILENCE_END: {
        "en": "We haven't heard from you, so we're ending this conversation. Write to us again at any time.",
        "nl": "We hebben niets meer van u gehoord en sluiten dit gesprek af. U kunt ons altijd opnieuw schrijven.",
        "fr": "Sans nouvelles de votre part, nous mettons fin à cette conversation. Vous pouvez nous réécrire à tout "
        "moment.",
        "de": "Wir haben nichts mehr von Ihnen gehört und beenden das Gespräch. Schreiben Sie uns jederzeit wieder.",
        "es": "No hemos tenido respuesta, así que damos por terminada esta conversación. Puede volver a escribirnos "
        "cuando quiera.",
    },
    Occasion.OPENED: {
        "en": "I'm connecting you with a colleague, who will answer you here.",
        "nl": "Ik breng u in contact met een collega, die u hier antwoordt.",
        "fr": "Je vous mets en relation avec un de nos conseillers, qui vous répondra ici.",
        "de": "Ich verbinde Sie mit unserem Team, das Ihnen hier antwortet.",
        "es": "Le pongo en contacto con una persona de nuestro equipo, que le responderá aquí.",
    },
    Occasion.QUEUE: {
        "en": "I'm connecting you with a colleague, who will answer you here. Waiting before you: {waiting}. The wait "
        "is {longest_wait} at the moment.",
        "nl": "Ik breng u in contact met een collega, die u hier antwoordt. Wachtenden voor u: {waiting}. De "
        "wachttijd is nu {longest_wait}.",
        "fr": "Je vous mets en relation avec un de nos conseillers, qui vous répondra ici. Personnes avant vous : "
        "{waiting}. Temps d'attente actuel : {longest_wait}.",
        "de": "Ich verbinde Sie mit unserem Team, das Ihnen hier antwortet. Wartende vor Ihnen: {waiting}. Die "
        "Wartezeit beträgt im Moment {longest_wait}.",
        "es": "Le pongo en contacto con una persona de nuestro equipo, que le responderá aquí. Personas antes que "
        "usted: {waiting}. El tiempo de espera es ahora de {longest_wait}.",
    },
    Occasion.NOBODY: {
        "en": "None of our colleagues is available right now. You can carry on here, or leave a message for them.",
        "nl": "Er is nu geen collega beschikbaar. U kunt hier verdergaan, of een bericht voor ons achterlaten.",
        "fr": "Aucun de nos conseillers n'est disponible pour le moment. Vous pouvez continuer ici ou nous laisser "
        "un message.",
        "de": "Im Moment ist niemand aus unserem Team verfügbar. Sie können hier weiterschreiben oder uns eine "
        "Nachricht hinterlassen.",
        "es": "En este momento no hay nadie de nuestro equipo disponible. Puede continuar aquí o dejarnos un mensaje.",
    },
    Occasion.LEAVE_MESSAGE: {
        "en": "Leave a message",
        "nl": "Bericht achterlaten",
        "fr": "Laisser un message",
        "de": "Nachricht hinterlassen",
        "es": "Dejar un mensaje",
    },
    Occasion.LEFT_MESSAGE: {
        "en": "Please write your message here. A colleague will read it and answer you here.",
        "nl": "Schrijf uw bericht hier. Een collega leest het en antwoordt u hier.",
        "fr": "Écrivez votre message ici. Un de nos conseillers le lira et vous répondra ici.",
        "de": "Schreiben Sie Ihre Nachricht bitte hier. Jemand aus unserem Team liest sie und antwortet Ihnen hier.",
        "es": "Escriba aquí su mensaje. Una persona de nuestro equipo lo leerá y le responderá aquí.",
    },
    Occasion.DISABLED: {
        "en": "Our team can't take over at the moment. You can carry on here. We'll be available again "
        "{next_opening}.",
        "nl": "Ons team kan nu even niet overnemen. U kunt hier verdergaan. We zijn er {next_opening} weer.",
        "fr": "Notre équipe ne peut pas prendre le relais pour le moment. Vous pouvez continuer ici. Nous serons de "
        "nouveau disponibles {next_opening}.",
        "de": "Unser Team kann im Moment nicht übernehmen. Sie können hier weiterschreiben. Wir sind {next_opening} "
        "wieder für Sie da.",
        "es": "Nuestro equipo no puede atenderle en este momento. Puede continuar aquí. Volveremos a estar "
        "disponibles {next_opening}.",
    },
    Occasion.CLOSED: {
        "en": "Our team isn't available right now. You can carry on here, or write again later to reach a colleague.",
        "nl": "Ons team is op dit moment niet bereikbaar. U kunt hier verdergaan, of later opnieuw schrijven voor "
        "een collega.",
        "fr": "Notre équipe n'est pas disponible pour le moment. Vous pouvez continuer ici, ou nous réécrire plus "
        "tard pour joindre un conseiller.",
        "de": "Unser Team ist gerade nicht erreichbar. Sie können hier weiterschreiben oder sich später wieder "
        "melden, um mit uns zu sprechen.",
        "es": "Nuestro equipo no está disponible en este momento. Puede continuar aquí o escribirnos más tarde para "
        "hablar con una persona.",
    },
    Occasion.RESOLVED: {
        "en": "Thank you for your message. Write to us again at any time.",
        "nl": "Bedankt voor uw bericht. U kunt ons altijd opnieuw schrijven.",
        "fr": "Merci de votre message. Vous pouvez nous réécrire à tout moment.",
        "de": "Vielen Dank für Ihre Nachricht. Schreiben Sie uns jederzeit wieder.",
        "es": "Gracias por su mensaje. Puede volver a escribirnos cuando quiera.",
    },
    Occasion.FILE: {
        "en": "Thank you. I can't open files here. Could you tell me in words what you need?",
        "nl": "Bedankt. Ik kan hier geen bestanden openen. Kunt u in woorden vertellen wat u nodig hebt?",
        "fr": "Merci. Je ne peux pas ouvrir de fichiers ici. Pouvez-vous me dire par écrit ce qu'il vous faut ?",
        "de": "Danke. Ich kann hier keine Dateien öffnen. Können Sie mir bitte schreiben, worum es geht?",
        "es": "Gracias. Aquí no puedo abrir archivos. ¿Puede decirme por escrito qué necesita?",
    },
    Occasion.HOLDING: {
        "en": "One moment, please. I'm looking into it.",
        "nl": "Een ogenblik, alstublieft. Ik zoek het voor u uit.",
        "fr": "Un instant, s'il vous plaît. Je me renseigne.",
        "de": "Einen Moment, bitte. Ich schaue nach.",
        "es": "Un momento, por favor. Lo estoy consultando.",
    },
    Occasion.PAUSED: {
        "en": "Our digital assistant isn't available right now. Please write again later.",
        "nl": "Onze digitale assistent is op dit moment niet beschikbaar. Schrijf ons later nog eens, alstublieft.",
        "fr": "Notre assistant numérique n'est pas disponible pour le moment. Veuillez nous réécrire plus tard.",
        "de": "Unser digitaler Assistent ist gerade nicht verfügbar. Bitte schreiben Sie uns später noch einmal.",
        "es": "Nuestro asistente digital no está disponible en este momento. Escríbanos más tarde, por favor.",
    },
}
"""By the occasion, in each of `languages.OFFERED`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What a channel's contacts read of us. `texts` None: our own sentences, in the contact's language."""

    language: str = ""
    """The channel's, for contacts of whom it isn't known."""
    attribute: str = ""
    """The contact attribute in which a contact's own choice stands."""
    texts: Mapping[Occasion, Texts | None]

    def language_of(self, told: str, attributes: Iterable[ContactAttribute]) -> str:
        """The contact's language: as events told it, else his own choice, else the channel's. Empty: not known."""
        return language_tag(told) or self._chosen(attributes) or self.language

    def _chosen(self, attributes: Iterable[ContactAttribute]) -> str:
        name = self.attribute.casefold()
        found = (language_tag(one.value) for one in attributes if name and one.attribute.casefold() == name)
        return next(filter(None, found), "")

    def say(self, occasion: Occasion, language: str) -> str:
        """The text for a contact of this language; empty: there is none."""
        return sentence(self.texts[occasion], occasion, language, self.language)


def sentence(texts: Texts | None, occasion: Occasion, language: str, fallback: str) -> str:
    """The one of these texts for a contact of this language; None: our own sentences."""
    return pick_text(READY[occasion] if texts is None else texts, language, fallback)


def with_single(texts: Texts | None, text: str, fallback: str) -> dict[str, str]:
    """The texts after a change to the one for contacts whose language is not known."""
    if not text or not texts:
        return {ANY: text} if text else {}
    read = pick_text(texts, "", fallback)
    key = next((tag for tag, own in texts.items() if own == read), ANY)
    return {**texts, key: text}
