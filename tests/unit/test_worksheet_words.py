"""What stands in a worksheet's cells, in four languages."""

from __future__ import annotations

import contextlib
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.facts import Channel, Segment
from journeys.saying import All, First
from journeys.worksheet_cells import CellError, channels, segments, show_channels, show_segments, stuck_at
from journeys.worksheet_offers import incentives, show_incentives
from journeys.worksheet_times import LONGEST, When, examples, show_when, when
from journeys.worksheet_words import (
    EVERYBODY,
    LANGUAGES,
    NEEDED,
    OPTIONAL,
    PUSH,
    Place,
    all_words,
    defaults,
    example_rows,
    fold,
    one_of,
    vocabulary,
)
from relance import plan_files

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_words_for_every_column_segment_channel_and_time(language: str) -> None:
    words = vocabulary(language)
    assert words.columns.keys() == {*NEEDED, *OPTIONAL}
    assert words.segments.keys() == {EVERYBODY, *Segment}
    assert words.channels.keys() == {PUSH, *Channel}
    assert words.stuck.keys() == set(Place)
    assert words.after_order.keys() == {"order-updates", "nps", "review-request"}
    assert words.times.units.keys() == {"m", "h", "d", "w"}


@pytest.mark.parametrize("who", [segment for segment in Segment if segment is not Segment.BUYER])
def test_a_segment_is_read_by_its_own_name(who: Segment) -> None:
    assert segments(who, "it") == (who,)


@pytest.mark.parametrize("said", ["Visitor", "Visitors", "Visiteur", "visitatore", "Visitatori", "Visitante"])
def test_a_visitor_is_whoever_has_not_ordered_yet(said: str) -> None:
    assert segments(said, "en") == (Segment.PROSPECT,)


@pytest.mark.parametrize("said", ["Browser", "Navigateur", "Visitatore attivo", "Visitante ativo", "active visitors"])
def test_a_browser_is_one_as_well_as_several(said: str) -> None:
    assert segments(said, "en") == (Segment.BROWSER,)


@pytest.mark.parametrize(
    "said", ["Buyers", "buyer", "Acheteurs", "acheteur", "Acquirenti", "Compratore", "Compradores", "comprador"]
)
def test_a_buyer_may_have_ordered_or_be_about_to_and_which_is_asked(said: str) -> None:
    for cell in (said, f"Prospects, {said}", f"{said} fidèles"):
        with pytest.raises(CellError) as error:
            segments(cell, "fr")
        assert str(error.value) == f"'{said.lower()}' may mean 'Clients' or 'Sur le point d'acheter'; write one of them"


def test_no_word_means_two_things() -> None:
    unclear = {fold(name) for words in all_words() for each in words.unclear for name in each.names}
    named = {fold(way) for words in all_words() for ways in words.segments.values() for way in ways}
    assert not [name for name in named if re.search(one_of(unclear), name)]
    for kind in ("columns", "segments", "channels"):
        means: dict[str, str] = {}
        for words in all_words():
            for what, ways in getattr(words, kind).items():
                for way in ways:
                    assert means.setdefault(fold(way), what) == what, way


@pytest.mark.parametrize(
    ("said", "hours", "later"),
    [
        ("2 h", 2, False),
        ("2h", 2, False),
        ("after 2 hours", 2, False),
        ("Après 2 heures", 2, False),
        ("2 heures après", 2, True),
        ("au bout de 3 jours", 72, False),
        ("2 h d'inactivité", 2, False),
        ("2 h d\u2019inactivité", 2, False),
        ("1 h 30", 1.5, False),
        ("1h30", 1.5, False),
        ("90 min", 1.5, False),
        ("le lendemain", 24, True),
        ("dopo 12 ore", 12, False),
        ("12 ore dopo", 12, True),
        ("un'ora dopo", 1, True),
        ("Il giorno dopo", 24, True),
        ("no dia seguinte", 24, True),
        ("vinte e quatro horas mais tarde", 24, True),
        ("após 2\u00a0horas", 2, False),
        ("24 h later", 24, True),
        ("the next day", 24, True),
        ("an hour", 1, False),
        ("one week later", 168, True),
    ],
)
def test_a_time_is_read_in_four_languages(said: str, hours: float, *, later: bool) -> None:
    assert when(said, "fr") == When(hours * HOUR, later)


@pytest.mark.parametrize(
    "said", ["", "2", "soon", "2 fortnights", "2 h 99", "-2 h", "h", "2.5 h", "2 h 2 h", "99999999 h"]
)
def test_a_time_that_cannot_be_read_is_told_with_some_that_can(said: str) -> None:
    with pytest.raises(
        CellError, match=r"cannot be read as a time; write it as 2 horas, .* mais tarde, no dia seguinte"
    ):
        when(said, "pt")


@pytest.mark.parametrize(("said", "why"), [("0 h", "at once"), ("31 days", "longer than the 30 days")])
def test_a_time_that_no_journey_can_wait_is_told(said: str, why: str) -> None:
    with pytest.raises(CellError, match=why):
        when(said, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_offered_to_choose_from_can_be_read(language: str) -> None:
    for said in examples(language):
        when(said, language)
    for names in (vocabulary(language).channels.values(), ()):
        for name, *_ in names:
            channels(name, language)
    for row in example_rows(language):
        segments(row["segment"], language)
        channels(row["channels"], language)
        when(row["when"], language)
        incentives(row.get("offer", ""), language)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", ["1 heure", "2 h", "1 minute plus tard", "30 min"]),
        ("it", ["1 ora", "2 ore", "1 minuto più tardi", "30 minuti"]),
        ("pt", ["1 hora", "2 horas", "1 minuto mais tarde", "30 minutos"]),
        ("en", ["1 hour", "2 hours", "1 minute later", "30 minutes"]),
    ],
)
def test_one_of_a_unit_is_written_as_one(language: str, said: list[str]) -> None:
    times = [When(HOUR, later=False), When(2 * HOUR, later=False), When(HOUR / 60, later=True)]
    times.append(When(HOUR / 2, later=False))
    assert [show_when(time, language) for time in times] == said
    assert said[0] in examples(language)


@given(
    minutes=st.integers(1, LONGEST // timedelta(minutes=1)), later=st.booleans(), language=st.sampled_from(LANGUAGES)
)
def test_a_time_that_is_written_is_read_again(minutes: int, *, later: bool, language: str) -> None:
    time = When(timedelta(minutes=minutes), later)
    for reader in LANGUAGES:
        assert when(show_when(time, language), reader) == time


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("SMS, e-mail", First(first=[Channel.SMS, Channel.EMAIL])),
        ("push navigateur", First(first=[Channel.WEB_PUSH])),
        ("notifica push dell'app", First(first=[Channel.APP_PUSH])),
        ("Voz", First(first=[Channel.VOICE])),
        ("sms, sinon courriel", First(first=[Channel.SMS, Channel.EMAIL])),
        ("SMS e e-mail", All(all=[Channel.SMS, Channel.EMAIL])),
        ("e\u2011mail + WhatsApp", All(all=[Channel.EMAIL, Channel.WHATSAPP])),
        ("push, SMS et e-mail", All(all=[Channel.APP_PUSH, Channel.WEB_PUSH, Channel.SMS, Channel.EMAIL])),
        ("MMS / RCS", First(first=[Channel.MMS, Channel.RCS])),
        ("SMS; SMS", First(first=[Channel.SMS])),
    ],
)
def test_channels_are_read_by_their_names_with_or_and_and(said: str, read: First | All) -> None:
    assert channels(said, "en") == read


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("fax", "'fax' is not a channel; write one or several of SMS, .*, appel vocal"),
        ("SMS, pigeon voyageur", "'pigeon voyageur' is not a channel"),
        (" , ", "is empty; write one or several of SMS"),
        ("SMS et push ou e-mail", "has both 'and' and 'or'"),
        ("smse-mail", "'smse-mail' is not|'smse-' is not"),
        ("SMS e-mail", "'sms e-mail' is two names and nothing between them; join them by ', ' or 'or'"),
    ],
)
def test_channels_that_cannot_be_read_are_told(said: str, why: str) -> None:
    with pytest.raises(CellError, match=why):
        channels(said, "fr")


@given(
    named=st.lists(st.sampled_from(Channel), min_size=1, unique=True),
    language=st.sampled_from(LANGUAGES),
    reader=st.sampled_from(LANGUAGES),
    together=st.booleans(),
)
def test_channels_that_are_written_are_read_again(
    named: list[Channel], language: str, reader: str, *, together: bool
) -> None:
    how = All(all=named) if together and len(named) > 1 else First(first=named)
    assert channels(show_channels(how, language), reader) == how


@given(st.sets(st.sampled_from(Segment)), st.sampled_from(LANGUAGES), st.sampled_from(LANGUAGES))
def test_segments_that_are_written_are_read_again(found: set[Segment], language: str, reader: str) -> None:
    who = tuple(segment for segment in Segment if segment in found)
    assert segments(show_segments(who, language), reader) == who


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("les gens", "'les gens' is not a segment; write Tous, Prospects, Clients, Récidivistes de l'abandon"),
        ("Tous, clients", "everybody and somebody"),
        ("", "is empty; write Tous"),
    ],
)
def test_a_segment_that_cannot_be_read_is_told_with_those_there_are(said: str, why: str) -> None:
    with pytest.raises(CellError, match=why):
        segments(said, "fr")


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("Loyal customer", Segment.LOYAL),
        ("loyal customers", Segment.LOYAL),
        ("Client fidèle", Segment.LOYAL),
        ("Clientes fidèles", Segment.LOYAL),
        ("cliente fedele", Segment.LOYAL),
        ("Clienti fedeli", Segment.LOYAL),
        ("cliente fiel", Segment.LOYAL),
        ("Clientes fiéis", Segment.LOYAL),
        ("Lapsing customer", Segment.LAPSING),
        ("Client inactif", Segment.LAPSING),
        ("Cliente inattivo", Segment.LAPSING),
        ("Clientes inativos", Segment.LAPSING),
        ("Potential customers", Segment.PROSPECT),
        ("Clients potentiels", Segment.PROSPECT),
        ("Clienti potenziali", Segment.PROSPECT),
        ("Novo cliente", Segment.PROSPECT),
        ("All customers", Segment.CUSTOMER),
    ],
)
def test_a_word_beside_customers_says_which_customers(said: str, who: Segment) -> None:
    assert segments(said, "en") == (who,)


@pytest.mark.parametrize(
    ("said", "two"),
    [
        ("Comparing customers", "comparing customers"),
        ("Prospects comparing", "prospects comparing"),
        ("Nouveaux clients fidèles", "nouveaux clients fideles"),
        ("Potenziali clienti inattivi", "potenziali clienti inattivi"),
        ("Clientes fiéis prestes a comprar", "clientes fieis prestes a comprar"),
        ("Prospects, clients\nComparent", "clients comparent"),
        ("Everybody customers", "everybody customers"),
    ],
)
def test_two_names_side_by_side_are_not_taken_for_either(said: str, two: str) -> None:
    with pytest.raises(CellError) as error:
        segments(said, "en")
    assert str(error.value) == f"'{two}' is two names and nothing between them; join them by ', ' or 'or'"


@given(st.lists(st.sampled_from(Segment), min_size=2, max_size=2, unique=True), st.sampled_from(LANGUAGES))
def test_no_two_names_without_a_word_between_them_are_two_segments(who: list[Segment], language: str) -> None:
    for one in vocabulary(language).segments[who[0]]:
        for other in vocabulary(language).segments[who[1]]:
            with contextlib.suppress(CellError):
                assert len(segments(f"{one} {other}", language)) == 1


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ("", []),
        ("livraison gratuite", ["free_shipping"]),
        ("Frete grátis", ["free_shipping"]),
        ("Spedizione gratuita", ["free_shipping"]),
        ("5 € off", ["item_amount"]),
        ("-5 €", ["item_amount"]),
        ("sconto di 5 €", ["item_amount"]),
        ("5 € de remise dès 50 €", ["item_amount"]),
        ("5 € off the next order", ["next_order_credit"]),
        ("R$ 30 na próxima compra", ["next_order_credit"]),
        ("5 € / 30 R$ de remise dès 50 € / 300 R$ ou livraison offerte", ["item_amount", "free_shipping"]),
    ],
)
def test_an_offer_is_read_in_four_languages_and_written_in_each(said: str, kinds: list[str]) -> None:
    offered = incentives(said, "en")
    assert [each.kind for each in offered] == kinds
    for language in LANGUAGES:
        assert incentives(show_incentives(offered, language), "en") == offered


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("10 % de remise", "only amounts can be offered; write livraison gratuite, 5 € de remise dès 50 €"),
        ("5 €", "cannot be offered; write livraison gratuite"),
        ("a pony", "cannot be offered"),
        ("5 € de remise dès 50 $", "same currencies"),
        ("5 ZWL de remise", "cannot be offered"),
        ("0 € de remise", "offers 0, which is no offer; write livraison gratuite"),
        ("livraison gratuite ou 0,00 € sur la prochaine commande", "offers 0, which is no offer"),
    ],
)
def test_what_cannot_be_offered_is_told_with_what_can(said: str, why: str) -> None:
    with pytest.raises(CellError, match=why):
        incentives(said, "fr")


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("Panier abandonné", Place.CART),
        ("Le panier reste plein au paiement", Place.CHECKOUT),
        ("Carrello abbandonato dopo la ricerca", Place.CART),
        ("Ils hésitent", Place.CART),
        # Where the articles say that people get stuck.
        ("Est-ce à la navigation ?", Place.BROWSING),
        ("Est-ce au moment de mettre le produit dans le panier ?", Place.CART),
        ("Durante la ricerca?", Place.BROWSING),
        ("L'aggiunta al carrello?", Place.CART),
        ("Na navegação?", Place.BROWSING),
        ("Na inclusão de itens no carrinho de compras?", Place.CART),
        ("Browsing products", Place.BROWSING),
        ("Product-page", Place.BROWSING),
        # What it costs to be sent something stops people before they order.
        ("Frais de port trop élevés", Place.CART),
        ("Des frais d\u2019expédition jugés trop importants", Place.CART),
        ("Frais de livraison", Place.CART),
        ("Shipping costs", Place.CART),
        ("Delivery costs at the checkout", Place.CHECKOUT),
        ("Spese di consegna", Place.CART),
        ("Taxa de entrega", Place.CART),
    ],
)
def test_a_sticking_point_tells_where_a_journey_begins(said: str, where: Place) -> None:
    assert stuck_at(said) is where
    assert where in defaults().places


@pytest.mark.parametrize(
    ("said", "found", "plan"),
    [
        ("Delivery", "delivery", "order-updates"),
        ("Commande expédiée", "expediee", "order-updates"),
        ("Dopo la consegna", "consegna", "order-updates"),
        ("A entrega demora", "entrega", "order-updates"),
        ("NPS", "nps", "nps"),
        ("Enquête de satisfaction", "enquete de satisfaction", "nps"),
        ("Pesquisa de satisfação", "pesquisa de satisfacao", "nps"),
        ("No reviews", "reviews", "review-request"),
        ("Avis clients", "avis", "review-request"),
        ("Recensioni", "recensioni", "review-request"),
        ("Avaliações", "avaliacoes", "review-request"),
    ],
)
def test_what_comes_after_the_order_is_told_with_the_plan_that_is_about_it(said: str, found: str, plan: str) -> None:
    with pytest.raises(CellError) as error:
        stuck_at(said)
    assert str(error.value) == (
        f"names '{found}', which comes after the order, and a worksheet makes plans about browsing, carts and the"
        f" checkout; the plan {plan} of the library is about it"
    )
    assert plan_files.read(plan).plan.name == plan
