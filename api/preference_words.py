# ruff: noqa: RUF001 this is how French and Italian are written

"""What the preference page says, in each language. What stood beside a box is kept as the proof of a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from journeys.facts import Medium, Purpose
from journeys.preferences import EVERYTHING, Choice


@dataclass(frozen=True)
class Words:
    """One language. ``{shop}`` stands for the shop's name.

    Attributes:
        purposes: for each kind of message its name, and what it is in plain words.
        suppressed: beside boxes that cannot be ticked.
        at_once: what a person is told where one no stops everything.

    """

    named: str
    title: str
    lead: str
    media: Mapping[Medium, str]
    purposes: Mapping[Purpose, tuple[str, str]]
    suppressed: str
    at_once: str
    nothing_to_choose: str
    save: str
    stop: str
    stop_help: str
    orders: str
    orders_help: str
    saved: str
    stopped: str
    language: str
    gone: tuple[str, str]
    no_such_link: tuple[str, str]
    not_understood: tuple[str, str]
    not_now: tuple[str, str]

    def beside(self) -> dict[Choice, str]:
        """Give the words beside each box."""
        return {
            (medium, purpose): f"{self.media[medium]}: {', '.join(self.purposes[purpose])}"
            for medium, purpose in EVERYTHING
        }


_EN = Words(
    named="English",
    title="Your messages",
    lead="Choose what {shop} may send you, and how.",
    media={
        Medium.SMS: "Text messages (SMS)",
        Medium.EMAIL: "E-mail",
        Medium.PUSH: "Notifications on your devices",
        Medium.VOICE: "Phone calls",
        Medium.WHATSAPP: "WhatsApp",
        Medium.ON_SITE: "Messages on the shop's pages, while you are there",
    },
    purposes={
        Purpose.MARKETING: ("Offers and reminders", "such as news, discounts, or a cart you left behind"),
        Purpose.SERVICE: ("Service messages", "such as help with what you bought, or a question about it"),
    },
    suppressed="Nothing is sent to you here at the moment: you asked us to stop, or messages do not arrive.",
    at_once="If you untick one box, all messages stop. You can then tick what you want to keep.",
    nothing_to_choose="We have no address of yours to write to, so there is nothing to choose yet.",
    save="Save my choices",
    stop="Stop everything",
    stop_help="No more offers, reminders or service messages, in any way.",
    orders="Messages about your orders",
    orders_help="Confirmations, delivery news and refunds are part of an order. You get them whatever you choose here.",
    saved="Saved. This is what counts from now on.",
    stopped="Done. You get no more offers, reminders or service messages.",
    language="Language",
    gone=("Nothing to choose", "We no longer keep anything about you here, and send you nothing."),
    no_such_link=(
        "This link does not work",
        "It is incomplete or was changed. Please open it again from the message, or copy all of it.",
    ),
    not_understood=("Nothing was changed", "We could not read what was sent. Please open the page again and retry."),
    not_now=("Not possible right now", "We could not do this just now. Please try again in a few minutes."),
)

_FR = Words(
    named="Français",
    title="Vos messages",
    lead="Choisissez ce que {shop} peut vous envoyer, et comment.",
    media={
        Medium.SMS: "SMS",
        Medium.EMAIL: "E-mail",
        Medium.PUSH: "Notifications sur vos appareils",
        Medium.VOICE: "Appels téléphoniques",
        Medium.WHATSAPP: "WhatsApp",
        Medium.ON_SITE: "Messages sur les pages de la boutique, pendant votre visite",
    },
    purposes={
        Purpose.MARKETING: ("Offres et rappels", "par exemple nouveautés, réductions ou panier abandonné"),
        Purpose.SERVICE: ("Messages de service", "par exemple une aide ou une question sur ce que vous avez acheté"),
    },
    suppressed="Rien ne vous est envoyé ici en ce moment : vous avez demandé l’arrêt, ou les messages n’arrivent pas.",
    at_once="Si vous décochez une case, tous les messages s’arrêtent. Vous pourrez ensuite cocher ce que vous gardez.",
    nothing_to_choose="Nous n’avons aucune adresse où vous écrire : il n’y a encore rien à choisir.",
    save="Enregistrer mes choix",
    stop="Tout arrêter",
    stop_help="Vous ne recevrez plus ni offres, ni rappels, ni messages de service, par aucun moyen.",
    orders="Messages sur vos commandes",
    orders_help="Confirmations, livraison et remboursements font partie d’une commande. Vous les recevez toujours.",
    saved="C’est enregistré. Voici ce qui compte désormais.",
    stopped="C’est fait. Vous ne recevrez plus d’offres, de rappels ni de messages de service.",
    language="Langue",
    gone=("Rien à choisir", "Nous ne conservons plus rien à votre sujet ici, et ne vous envoyons rien."),
    no_such_link=(
        "Ce lien ne fonctionne pas",
        "Il est incomplet ou a été modifié. Rouvrez-le depuis le message, ou copiez-le en entier.",
    ),
    not_understood=("Rien n’a été modifié", "L’envoi n’a pas pu être lu. Rouvrez la page et réessayez."),
    not_now=("Impossible pour le moment", "Cela n’a pas pu être fait. Réessayez dans quelques minutes."),
)

_IT = Words(
    named="Italiano",
    title="I tuoi messaggi",
    lead="Scegli che cosa {shop} può inviarti, e come.",
    media={
        Medium.SMS: "SMS",
        Medium.EMAIL: "E-mail",
        Medium.PUSH: "Notifiche sui tuoi dispositivi",
        Medium.VOICE: "Telefonate",
        Medium.WHATSAPP: "WhatsApp",
        Medium.ON_SITE: "Messaggi sulle pagine del negozio, mentre le guardi",
    },
    purposes={
        Purpose.MARKETING: ("Offerte e promemoria", "per esempio novità, sconti o un carrello lasciato a metà"),
        Purpose.SERVICE: ("Messaggi di servizio", "per esempio un aiuto o una domanda su ciò che hai acquistato"),
    },
    suppressed="Al momento qui non ti inviamo nulla: hai chiesto di smettere, oppure i messaggi non arrivano.",
    at_once="Se togli una spunta, tutti i messaggi si fermano. Poi puoi spuntare ciò che vuoi tenere.",
    nothing_to_choose="Non abbiamo un tuo recapito a cui scrivere: per ora non c’è nulla da scegliere.",
    save="Salva le mie scelte",
    stop="Ferma tutto",
    stop_help="Niente più offerte, promemoria o messaggi di servizio, in nessun modo.",
    orders="Messaggi sui tuoi ordini",
    orders_help="Conferme, consegna e rimborsi fanno parte di un ordine. Li ricevi qualunque cosa tu scelga qui.",
    saved="Salvato. Da ora vale questo.",
    stopped="Fatto. Non riceverai più offerte, promemoria o messaggi di servizio.",
    language="Lingua",
    gone=("Nulla da scegliere", "Qui non conserviamo più nulla su di te, e non ti inviamo nulla."),
    no_such_link=(
        "Questo link non funziona",
        "È incompleto o è stato modificato. Riaprilo dal messaggio, oppure copialo per intero.",
    ),
    not_understood=("Non è cambiato nulla", "Non siamo riusciti a leggere l’invio. Riapri la pagina e riprova."),
    not_now=("Non è possibile in questo momento", "Non ci siamo riusciti. Riprova tra qualche minuto."),
)

# For Portugal and Brazil: the wording is one that both use.
_PT = Words(
    named="Português",
    title="As suas mensagens",
    lead="Escolha o que {shop} lhe pode enviar, e como.",
    media={
        Medium.SMS: "SMS",
        Medium.EMAIL: "E-mail",
        Medium.PUSH: "Notificações nos seus dispositivos",
        Medium.VOICE: "Chamadas por telefone",
        Medium.WHATSAPP: "WhatsApp",
        Medium.ON_SITE: "Mensagens nas páginas da loja, durante a sua visita",
    },
    purposes={
        Purpose.MARKETING: ("Ofertas e lembretes", "por exemplo novidades, descontos ou um carrinho por terminar"),
        Purpose.SERVICE: ("Mensagens de serviço", "por exemplo ajuda ou uma pergunta sobre o que comprou"),
    },
    suppressed="Neste momento nada lhe é enviado aqui: pediu para parar, ou as mensagens não chegam.",
    at_once="Se desmarcar uma caixa, todas as mensagens param. Depois pode marcar o que quer manter.",
    nothing_to_choose="Não temos endereço nem telefone para lhe escrever: ainda não há nada a escolher.",
    save="Guardar as minhas escolhas",
    stop="Parar tudo",
    stop_help="Nada mais de ofertas, lembretes ou mensagens de serviço, por nenhum meio.",
    orders="Mensagens sobre as suas compras",
    orders_help="Confirmações, entrega e reembolsos fazem parte de uma compra. São sempre enviados.",
    saved="Guardado. É isto que conta a partir de agora.",
    stopped="Feito. Não receberá mais ofertas, lembretes nem mensagens de serviço.",
    language="Idioma",
    gone=("Nada a escolher", "Já não guardamos nada sobre si aqui, e não lhe enviamos nada."),
    no_such_link=(
        "Este link não funciona",
        "Está incompleto ou foi alterado. Abra de novo a partir da mensagem, ou copie o link inteiro.",
    ),
    not_understood=("Nada foi alterado", "Não conseguimos ler o envio. Abra a página de novo e tente outra vez."),
    not_now=("Não é possível neste momento", "Não foi possível. Tente de novo dentro de alguns minutos."),
)

WORDS: Mapping[str, Words] = {"fr": _FR, "it": _IT, "pt": _PT, "en": _EN}
