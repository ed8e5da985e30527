"""Invented subscribers for trials: plausible Russian subjects, valid check digits.

The same number gives the same person, everywhere.  Nobody real is meant: names
are drawn from lists, numbers from ranges with their check digits computed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from gostkey.pki.names import Name

_SURNAMES = (
    "Абрамов Алексеев Андреев Афанасьев Баранов Белов Беляев Богданов Борисов "
    "Васильев Виноградов Власов Волков Воробьёв Гаврилов Герасимов Голубев "
    "Григорьев Гусев Давыдов Данилов Денисов Дмитриев Егоров Ершов Ефимов Жуков "
    "Зайцев Захаров Иванов Ильин Исаев Казаков Калинин Карпов Киселёв Ковалёв "
    "Козлов Комаров Королёв Крылов Кузнецов Кузьмин Лебедев Макаров Максимов "
    "Марков Матвеев Медведев Миронов Михайлов Морозов Назаров Никитин Николаев "
    "Новиков Орлов Осипов Павлов Петров Поляков Пономарёв Попов Романов Рыбаков "
    "Савельев Семёнов Сергеев Сидоров Смирнов Соболев Соколов Соловьёв Степанов "
    "Тарасов Титов Тихонов Фёдоров Филиппов Фомин Фролов Цветков Чернов Шестаков "
    "Щербаков Яковлев"
).split()
_MEN = (
    "Александр Алексей Андрей Антон Артём Борис Вадим Валерий Василий Виктор "
    "Владимир Вячеслав Геннадий Григорий Денис Дмитрий Евгений Иван Игорь Кирилл "
    "Константин Максим Михаил Николай Олег Павел Пётр Роман Сергей Юрий"
).split()
_WOMEN = (
    "Алина Алла Анна Вера Виктория Галина Дарья Екатерина Елена Жанна Инна Ирина "
    "Карина Ксения Лариса Людмила Марина Мария Надежда Наталья Нина Оксана Ольга "
    "Полина Светлана Софья Тамара Татьяна Юлия Яна"
).split()
_FATHERS = (
    ("Александрович", "Александровна"),
    ("Алексеевич", "Алексеевна"),
    ("Андреевич", "Андреевна"),
    ("Борисович", "Борисовна"),
    ("Викторович", "Викторовна"),
    ("Владимирович", "Владимировна"),
    ("Дмитриевич", "Дмитриевна"),
    ("Евгеньевич", "Евгеньевна"),
    ("Иванович", "Ивановна"),
    ("Михайлович", "Михайловна"),
    ("Николаевич", "Николаевна"),
    ("Олегович", "Олеговна"),
    ("Петрович", "Петровна"),
    ("Сергеевич", "Сергеевна"),
    ("Юрьевич", "Юрьевна"),
)
_PLACES = (
    ("77 г. Москва", "Москва"),
    ("78 г. Санкт-Петербург", "Санкт-Петербург"),
    ("50 Московская область", "Подольск"),
    ("16 Республика Татарстан", "Казань"),
    ("52 Нижегородская область", "Нижний Новгород"),
    ("54 Новосибирская область", "Новосибирск"),
    ("66 Свердловская область", "Екатеринбург"),
    ("74 Челябинская область", "Челябинск"),
)
_STREETS = (
    "ул. Садовая, д. {}",
    "ул. Полевая, д. {}",
    "пр-кт Мира, д. {}",
    "наб. Речная, д. {}",
    "пер. Тихий, д. {}",
)
_FIRMS = (
    "Берёзка Вектор Горизонт Дельта Заря Исток Каскад Луч Маяк Нива Орбита Парус "
    "Радуга Сокол Трасса Факел Эталон Ясень"
).split()
_TITLES = (
    "Бухгалтер",
    "Главный бухгалтер",
    "Генеральный директор",
    "Заместитель директора",
    "Инженер",
    "Начальник отдела",
    "Специалист",
    "Юрисконсульт",
)
_UNITS = ("Бухгалтерия", "Отдел закупок", "Отдел кадров", "Юридический отдел")
_REGION_DIGITS = ("77", "78", "50", "16", "52", "54", "66", "74")


@dataclass(frozen=True)
class Person:
    """An invented subscriber."""

    full_name: str
    subject: Name


def person(number: int, seed: int = 1) -> Person:
    """Invent the subscriber of that number: two in three work for a firm."""
    draw = random.Random(seed << 32 | number)
    woman = draw.random() < 0.5
    surname = draw.choice(_SURNAMES) + ("а" if woman else "")
    given = draw.choice(_WOMEN if woman else _MEN)
    given = f"{given} {draw.choice(_FATHERS)[woman]}"
    region, city = draw.choice(_PLACES)
    attributes = [
        ("CN", f"{surname} {given}"),
        ("SN", surname),
        ("G", given),
        ("C", "RU"),
        ("S", region),
        ("L", city),
    ]
    if draw.random() < 2 / 3:
        firm = f'ООО "{draw.choice(_FIRMS)}-{draw.randrange(1, 100)}"'
        attributes += [
            ("STREET", draw.choice(_STREETS).format(draw.randrange(1, 120))),
            ("O", firm),
            ("OU", draw.choice(_UNITS)),
            ("T", draw.choice(_TITLES)),
            ("OGRN", ogrn(draw)),
            ("INNLE", inn10(draw)),
        ]
    attributes += [
        ("SNILS", snils(number)),
        ("INN", inn12(draw)),
        ("E", f"subscriber{number}@example.ru"),
    ]
    return Person(f"{surname} {given}", Name.build(attributes))


def inn10(draw: random.Random) -> str:
    """Invent the INN of a legal person."""
    body = draw.choice(_REGION_DIGITS) + f"{draw.randrange(10**7):07d}"
    return body + _check(body, (2, 4, 10, 3, 5, 9, 4, 6, 8))


def inn12(draw: random.Random) -> str:
    """Invent the INN of a person."""
    body = draw.choice(_REGION_DIGITS) + f"{draw.randrange(10**8):08d}"
    body += _check(body, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8))
    return body + _check(body, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8))


def snils(number: int) -> str:
    """Give the SNILS of a number: a different one for each."""
    # Below 001-001-998 a SNILS has no check digits; 900 million are far above.
    body = f"{900_000_000 + number * 7919 % 99_000_000:09d}"
    total = sum(int(digit) * (9 - i) for i, digit in enumerate(body))
    return body + f"{total % 101 % 100:02d}"


def ogrn(draw: random.Random) -> str:
    """Invent the OGRN of a firm founded in 2002 to 2023."""
    region = draw.choice(_REGION_DIGITS)
    body = f"1{draw.randrange(2, 24):02d}{region}{draw.randrange(10**7):07d}"
    return body + str(int(body) % 11 % 10)


def _check(body: str, weights: Sequence[int]) -> str:
    total = sum(int(d) * w for d, w in zip(body, weights, strict=True))
    return str(total % 11 % 10)
