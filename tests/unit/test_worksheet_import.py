"""A worksheet becomes plans, or all of its mistakes are told with their cells and nothing is written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from journeys import durations
from journeys.facts import Segment
from journeys.offers import FreeShipping
from journeys.plan import Plan
from journeys.saying import All, First
from journeys.steps import Branch, WaitUntilIdle
from journeys.worksheet_words import LANGUAGES, Place, defaults
from messages import sheet_template, sheets
from messages.catalog import PlanFile
from messages.judging import judge
from relance import plan_files, sheet_commands
from relance.errors import UsageError
from tests.worksheets import FILLED_IN, FRENCH, changed, saved

KINDS = pytest.mark.parametrize("kind", ["csv", "xlsx"])
SEEDS = {
    # The French article: reminders by push and by SMS, with free shipping.
    "000": ("fr", [[*FRENCH, "Offre"],
        ["Panier laissé avant l'achat", "Tous", "Des articles sont restés dans votre panier.", "2 h",
         "push navigateur, push application", ""],
        ["Panier laissé avant l'achat", "Tous", "La livraison est pour nous.", "24 h plus tard", "SMS, e-mail",
         "envoi gratuit"]]),
    "001": ("it", [["Punti di frattura", "Segmenti", "Cosa dire", "Quando", "Canali", "Offerta"],
        ["Aggiunta al carrello", "Visitatori", "Il carrello è pieno!", "dopo 2 ore", "notifica push dell'app", ""],
        ["Aggiunta al carrello", "Clienti", "Grazie.", "dopo 12 ore", "SMS e email", "spedizione gratuita"]]),
    "002": ("pt", [["Dificuldades", "Segmento", "O que dizer", "Quando dizer", "Canais corretos", "Promoção"],
        ["Itens no carrinho de compras", "Visitantes", "Você deixou itens no carrinho!", "após 2 horas", "E-mail", ""],
        ["Itens no carrinho de compras", "Visitantes", "O frete é grátis.", "no dia seguinte", "SMS ou e-mail",
         "frete grátis"]]),
    # The SMS mix: not every message is one for SMS, and no discount without need.
    "003": ("fr", [FRENCH,
        ["Paiement interrompu", "Clients fidèles", "Une question ? Répondez à ce message.", "1 heure", "SMS"],
        ["Paiement interrompu", "Tous", "Cinq idées pour vous.", "le lendemain", "e-mail"]]),
    # Cart recovery by SMS: within 2 h and 12 h; prospects get an amount off, customers a credit on the next order.
    "004": ("fr", [[*FRENCH, "Offre"],
        ["Abandon de panier", "Prospects", "Votre article est en promotion.", "2h", "SMS", "5 € de remise"],
        ["Abandon de panier", "Clients", "Validez dans les 24 h.", "12 h", "SMS", "5 € sur le prochain achat"],
        ["Abandon de panier", "Récidivistes", "Votre panier est là.", "12 h", "e-mail", ""]]),
}  # fmt: skip


def made(tmp_path: Path, rows: list[list[str]], only: str | None = "fr", kind: str = "csv") -> list[PlanFile]:
    return sheet_commands.made_of(saved(tmp_path / f"sheet.{kind}", rows), only)


def refusal(tmp_path: Path, rows: list[list[str]], only: str | None = "fr", kind: str = "csv") -> list[str]:
    with pytest.raises(UsageError) as error:
        made(tmp_path, rows, only, kind)
    file = f"{tmp_path / f'sheet.{kind}'}:"
    lines = str(error.value).splitlines()
    assert all(line.startswith(file) for line in lines), lines
    return [line.removeprefix(file) for line in lines]


def by_segment(plan: Plan) -> Branch:
    [branch] = [step for step in plan.steps if isinstance(step, Branch)]
    return branch


@KINDS
def test_the_rows_of_a_sticking_point_are_one_plan_with_an_arm_for_each_segment(tmp_path: Path, kind: str) -> None:
    [file] = made(tmp_path, FILLED_IN, kind=kind)
    assert (file.plan.name, file.plan.sticking_point) == ("panier-abandonne", "Panier abandonné")
    leaves, branch = file.plan.steps
    assert isinstance(leaves, WaitUntilIdle)
    assert leaves.wait_until_idle.total_seconds() == 2 * 3600
    assert isinstance(branch, Branch)
    prospects, customers = branch.branch
    assert (prospects.condition.segment, customers.condition.segment) == ([Segment.PROSPECT], [Segment.CUSTOMER])
    assert [type(step).__name__ for step in prospects.then] == ["Send", "Wait", "Send"]
    assert [type(step).__name__ for step in customers.then] == ["WaitUntilIdle", "Send"]
    first, second, third = file.plan.sends
    assert first.send.channels == First(first=["sms", "email"])
    assert third.send.channels == All(all=["email", "sms"])
    assert third.send.offer
    assert third.send.offer.by_segment == {Segment.CUSTOMER: [FreeShipping(kind="free_shipping")]}
    assert second.id == "prospect-2"


def test_what_a_row_says_is_said_by_each_channel_with_the_link_and_how_to_stop_it(tmp_path: Path) -> None:
    [file] = made(tmp_path, FILLED_IN)
    said = file.messages.languages["fr"]["prospect-1"]
    assert said.sms
    assert said.sms.text == ("Vos articles vous attendent. {{ cart.link }} Répondez STOP pour ne plus rien recevoir")
    assert said.email
    assert (said.email.subject, said.email.intro) == ("{{ shop.name }}", "Vos articles vous attendent.")


def test_with_only_one_language_everybody_is_written_to_in_it_and_without_the_others_are_asked_for(
    tmp_path: Path,
) -> None:
    [file] = made(tmp_path, FILLED_IN)
    assert file.messages.languages.keys() == set(LANGUAGES)
    assert len({str(messages) for messages in file.messages.languages.values()}) == 1
    [told] = refusal(tmp_path, FILLED_IN, only=None)
    assert told.startswith(
        "A1: no column tells the language of each text: add one, with a row for each of fr, it, pt, en"
    )


def test_a_language_column_tells_which_language_a_text_is_in(tmp_path: Path) -> None:
    row = ["Panier", "Tous", "", "2 h", "SMS"]
    rows = [[*FRENCH, "Langue"], *([*row[:2], f"Mot {each}", *row[3:], each] for each in ("fr", "it", "pt", "anglais"))]
    [file] = made(tmp_path, rows, only=None)
    assert len(file.plan.sends) == 1
    texts = {language: messages["everybody-1"].sms for language, messages in file.messages.languages.items()}
    assert {language: words.text.split(" {{")[0] for language, words in texts.items() if words} == {
        "fr": "Mot fr",
        "it": "Mot it",
        "pt": "Mot pt",
        "en": "Mot anglais",
    }
    assert refusal(tmp_path, rows[:3], only=None) == [
        (
            "C2: Que dire: is said in fr, it, not in pt, en; add a row for each, the other columns alike,"
            " or say --only LANGUAGE"
        )
    ]
    assert refusal(tmp_path, rows[:3], only="it") == ["F2: Langue: is fr, and --only it was said"]
    rows[2][4] = "e-mail"
    assert refusal(tmp_path, rows, only=None) == [
        "E3: Canaux: is not what row 2 says, the same message in another language"
    ]


@KINDS
def test_four_mistakes_are_told_at_their_cells_and_nothing_is_written(tmp_path: Path, kind: str) -> None:
    file = saved(tmp_path / f"sheet.{kind}", changed(B2="les gens", D3="bientôt", E4="pigeon", F4="10 % de remise"))
    with pytest.raises(UsageError) as error:
        asyncio.run(sheet_commands.write(file, "fr", tmp_path / "plans", replace=False))
    told = [line.removeprefix(f"{file}:").split(";")[0] for line in str(error.value).splitlines()]
    assert told == [
        "B2: Segment: 'les gens' is not a segment",
        "D3: Quand: 'bientôt' cannot be read as a time",
        "E4: Canaux: 'pigeon' is not a channel",
        "F4: Offre: is a share of the price, and only amounts can be offered",
    ]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"A3": ""}, "A3: Point de blocage: is empty; of merged cells only the first one counts"),
        ({"C2": "  "}, "C2: Que dire: is empty"),
        ({"A2": "Livraison"}, "A2: Point de blocage: names 'livraison', which comes after the order, and a worksheet"),
        ({"A3": "Recherche", "D3": "2 h"}, "F3: Offre: is bound to a cart, and this sticking point is before"),
        ({"A2": "Recherche", "C2": "{{ cart.link }}"}, "C2: Que dire: uses 'cart.link' before there is a cart; write"),
        ({"A2": "Recherche", "C2": "{{ order.id }}"}, "C2: Que dire: uses 'order.id', which is always empty: a"),
        ({"F4": "0 € de remise"}, "F4: Offre: offers 0, which is no offer; write livraison gratuite, 5 € de remise"),
        ({"C2": "{{ order.id }}"}, "C2: Que dire: uses 'order.id', which is always empty: a journey about the"),
        ({"C2": "{{ viewed.name }}"}, "C2: Que dire: uses 'viewed.name', which is always empty: no journey"),
        ({"A2": "Recherche", "C2": "{{ offer.code }}"}, "C2: Que dire: uses 'offer.code' before there is a cart"),
        ({"A2": "p" * 201}, "A2: Point de blocage: has 201 characters; at most 200 fit"),
        ({"C2": "x" * 5000}, "C2: Que dire: has 5,000 characters; at most 1,000 go by sms"),
        ({"C3": "x" * 10_001}, "C3: Que dire: has 10,001 characters; at most 10,000 fit"),
        ({"C2": "Bonjour {{ cart.url }}"}, "C2: Que dire: uses 'cart.url', which no message has"),
        ({"C2": "Bonjour {{ shop.name"}, "C2: Que dire: cannot be rendered: "),
        ({"C2": "a\0b"}, "C2: Que dire: holds a character that cannot be written, such as NUL"),
        ({"D3": "1 h"}, "D3: Quand: is not after row 2, which the same people get before"),
        ({"B3": "Prospects, clients"}, "B3: Segment: names people of another row together with others"),
        ({"A2": "42"}, "A2: Point de blocage: makes no name of a plan; give one in a column Plan"),
        ({"C1": "Que dirre"}, "C1: 'Que dirre' is not a column of the worksheet; did you mean 'Que dire'?"),
        ({"F1": "Budget"}, "F1: 'Budget' is not a column of the worksheet; there are Point de blocage, Segment,"),
        ({"F1": "Canal"}, "F1: 'Canal' is the column Canaux again"),
        ({"D1": "", "D2": "", "D3": "", "D4": ""}, "G1: lacks Quand"),
        ({"C2": "=1+1"}, "C2: Que dire: holds a formula, and none is evaluated"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_cell(tmp_path: Path, cells: dict[str, str], told: str) -> None:
    assert any(each.startswith(told) for each in refusal(tmp_path, changed(**cells)))


def test_a_cell_beyond_the_columns_is_told(tmp_path: Path) -> None:
    rows = changed()
    rows[2].append("a remark")
    assert refusal(tmp_path, rows) == ["G3: stands in a column without a name"]


def test_what_stands_in_a_column_whose_name_is_wrong_is_told_once_at_that_name(tmp_path: Path) -> None:
    [told] = refusal(tmp_path, [[*row, "" if at else "Budget"] for at, row in enumerate(FILLED_IN)])
    assert refusal(tmp_path, [[*row, "20" if at else "Budget"] for at, row in enumerate(FILLED_IN)]) == [told]
    assert told.startswith("G1: 'Budget' is not a column of the worksheet")
    assert len(refusal(tmp_path, [[*row, "SMS" if at else "Canal"] for at, row in enumerate(FILLED_IN)])) == 1


def test_a_title_is_for_channels_that_show_one(tmp_path: Path) -> None:
    rows = [[*FRENCH, "Objet"], ["Panier", "Tous", "Bonjour", "2 h", "SMS", "Un titre"]]
    assert refusal(tmp_path, rows) == ["F2: Objet: is not shown by sms; leave it empty"]
    rows[1][4] = "e-mail"
    [file] = made(tmp_path, rows)
    words = file.messages.languages["fr"]["everybody-1"].email
    assert words
    assert words.subject == "Un titre"


def test_two_plans_of_one_name_are_told_and_a_column_names_them(tmp_path: Path) -> None:
    long = "Le panier est abandonné au moment de choisir "
    rows = [FRENCH, [f"{long}la couleur", "Tous", "A", "2 h", "SMS"], [f"{long}la taille", "Tous", "B", "2 h", "SMS"]]
    [told] = refusal(tmp_path, rows)
    assert told.startswith(
        "A3: Point de blocage: becomes the plan 'le-panier-est-abandonne-au-moment-de-cho', as row 2"
    )
    named = [[*row, name] for row, name in zip(rows, ("Plan", "couleur", "taille"), strict=True)]
    assert [file.plan.name for file in made(tmp_path, named)] == ["couleur", "taille"]
    named[2][0], named[2][3] = named[1][0], "24 h"
    assert refusal(tmp_path, named) == ["F3: Plan: row 2 names the plan of this sticking point 'couleur'"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["given", "empty"])
def test_the_template_is_imported_as_it_is_once_there_are_rows(tmp_path: Path, language: str, kind: str) -> None:
    file = tmp_path / "worksheet.xlsx"
    file.write_bytes(sheet_template.workbook(language, empty=kind == "empty"))
    if kind == "given":
        assert [len(each.plan.sends) for each in sheet_commands.made_of(file, language)] == [4, 1, 1]
        return
    with pytest.raises(UsageError, match="A2: no row follows the names of the columns"):
        sheet_commands.made_of(file, language)


@pytest.mark.parametrize("seed", SEEDS)
@KINDS
def test_the_worksheets_of_the_articles_become_plans_that_can_be_read_as_files(
    tmp_path: Path, seed: str, kind: str
) -> None:
    language, rows = SEEDS[seed]
    file = saved(tmp_path / f"sheet.{kind}", rows)
    asyncio.run(sheet_commands.write(file, language, tmp_path / "plans", replace=False))
    [written] = (tmp_path / "plans").glob("*.yaml")
    read = plan_files.read(str(written))
    assert [read] == sheet_commands.made_of(file, language)
    assert len(read.plan.sends) == len(rows) - 1


BROWSING = [
    FRENCH,
    ["Est-ce à la navigation ?", "Comparateurs", "Une question ?", "2 h", "SMS, e-mail"],
    ["Est-ce à la navigation ?", "Tous", "Toujours intéressé ?", "3 h", "push, e-mail"],
]


def test_a_sticking_point_before_there_is_a_cart_becomes_a_plan_about_people(tmp_path: Path) -> None:
    [file] = made(tmp_path, BROWSING)
    assert file.plan == Plan.model_validate(
        {
            "name": "est-ce-a-la-navigation",
            "sticking_point": "Est-ce à la navigation ?",
            "entry": {"events": ["Product Viewed"], "within": "12h"},
            "key": "customer",
            "goal": "Order Completed",
            "exits_on": ["Product Added", "Cart Updated", "Checkout Started"],
            "audience": {
                "open_cart": False,
                "unless": {"running": ["cart-recovery"]},
                "consented": ["sms", "email", "push"],
            },
            "re_entry": "30d",
            "purpose": "marketing",
            "priority": 4,
            "holdout": 10,
            "attribution": "5d",
            "longest_life": "3d",
            "steps": [
                {"id": "leaves", "wait_until_idle": "2h"},
                {
                    "id": "by-segment",
                    "branch": [
                        {
                            "if": {"segment": ["comparing"]},
                            "then": [
                                {
                                    "id": "comparing-1",
                                    "send": {"message": "comparing-1", "channels": {"first": ["sms", "email"]}},
                                },
                            ],
                        }
                    ],
                    "otherwise": [
                        {"id": "everybody-1-wait", "wait_until_idle": "3h"},
                        {
                            "id": "everybody-1",
                            "send": {
                                "message": "everybody-1",
                                "channels": {"first": ["app_push", "web_push", "email"]},
                            },
                        },
                    ],
                },
            ],
        }
    )
    assert {finding.level for finding in judge(file.messages, file.plan, [])} <= {"advice"}


def test_a_message_to_whoever_only_looks_leads_to_what_was_looked_at_or_to_the_shop(tmp_path: Path) -> None:
    rows = [*BROWSING, ["Est-ce à la navigation ?", "Clients", "Ici : {{ viewed.link }}", "2 h", "SMS"]]
    [file] = made(tmp_path, rows)
    said = file.messages.languages["fr"]
    words, own = said["comparing-1"], said["customer-1"]
    assert words.sms
    assert words.sms.text == (
        'Une question ?{% if viewed.link != "" %} {{ viewed.link }}{% elsif shop.link != "" %} {{ shop.link }}'
        "{% endif %} Répondez STOP pour ne plus rien recevoir"
    )
    assert words.email
    assert words.email.button == "Retourner à la boutique"
    assert own.sms
    assert own.sms.text == "Ici : {{ viewed.link }} Répondez STOP pour ne plus rien recevoir"


def test_files_that_say_otherwise_are_not_written_over_unless_told_so(tmp_path: Path) -> None:
    file, out = saved(tmp_path / "sheet.csv", FILLED_IN), tmp_path / "plans"
    asyncio.run(sheet_commands.write(file, "fr", out, replace=False))
    asyncio.run(sheet_commands.write(file, "fr", out, replace=False))
    saved(file, changed(C2="Autre chose."))
    before = {path: path.read_bytes() for path in out.rglob("*.yaml")}
    with pytest.raises(UsageError, match="is there already and says otherwise; --replace writes over it"):
        asyncio.run(sheet_commands.write(file, "fr", out, replace=False))
    assert {path: path.read_bytes() for path in out.rglob("*.yaml")} == before
    asyncio.run(sheet_commands.write(file, "fr", out, replace=True))
    words = plan_files.read(str(out / "panier-abandonne.yaml")).messages.languages["pt"]["prospect-1"].sms
    assert words
    assert words.text.startswith("Autre chose.")


def test_the_sheet_that_is_shown_becomes_a_plan(tmp_path: Path) -> None:
    shown = (Path(__file__).parents[2] / "docs" / "worksheet.md").read_text(encoding="utf-8")
    file = tmp_path / "shown.csv"
    file.write_text(shown.partition("```csv\n")[2].partition("```")[0], encoding="utf-8")
    [made] = sheet_commands.made_of(file, "fr")
    assert (made.plan.name, [step.id for step in made.plan.sends]) == (
        "panier-abandonne",
        ["prospect-1", "prospect-2", "customer-1"],
    )


def test_the_page_names_the_limits_and_the_defaults() -> None:
    shown = (Path(__file__).parents[2] / "docs" / "worksheet.md").read_text(encoding="utf-8")
    assert f"{sheets.LARGEST // 1024**2} MB and {sheets.MOST_ROWS:,} rows" in shown
    assert f"row {sheets.LAST_ROW:,} (of CSV line {sheets.LAST_LINE:,})" in shown
    assert f"nobody enters it again for {defaults().places[Place.BROWSING]['re_entry'].removesuffix('d')} days" in shown
    assert f"holdout {defaults().header['holdout']} %" in shown
    assert f"It lives {durations.show(defaults().offer_valid_for)[:-1]} h" in shown


def test_messages_that_come_after_a_journey_can_live_are_told_with_their_rows(tmp_path: Path) -> None:
    times = ["2 h", *["30 j plus tard"] * 13]
    rows = [["Abandon de panier", "Tous", f"Texte {n}.", when, "e-mail"] for n, when in enumerate(times)]
    assert made(tmp_path, [FRENCH, *rows[:13]])
    [problem] = refusal(tmp_path, [FRENCH, *rows])
    assert "15" in problem
    assert "after the beginning, and a journey says its last 364d after it at the latest" in problem
