"""The words that invented records are made of. Nobody here is real; every address ends in example.com."""

from typing import Final

FIRST_NAMES: Final = (
    "ada", "amara", "ana", "anders", "aylin", "bea", "bruno", "carla", "chidi", "chloe", "daniel", "dilan",
    "elif", "emil", "farah", "felix", "grace", "hana", "hugo", "ines", "ivan", "jonas", "kenji", "lena",
    "liam", "lucia", "mateo", "mei", "mila", "nadia", "noah", "nora", "oliver", "omar", "petra", "priya",
    "rafael", "rosa", "samir", "selma", "sofia", "tariq", "theo", "uma", "vera", "wei", "yara", "zoe",
)  # fmt: skip
LAST_NAMES: Final = (
    "abbot", "adeyemi", "almeida", "bauer", "bianchi", "carter", "castro", "chen", "costa", "dubois",
    "ekberg", "fischer", "garcia", "haddad", "hansen", "ito", "jensen", "kaya", "keller", "kim", "larsen",
    "lopez", "martin", "meyer", "moreau", "murphy", "nakata", "novak", "okafor", "olsen", "park", "patel",
    "pereira", "quinn", "rossi", "sato", "silva", "singh", "tanaka", "usman", "vidal", "weber", "yilmaz", "zhang",
)  # fmt: skip

COUNTRIES: Final = (
    *("US",) * 26, *("GB",) * 7, *("CA",) * 5, *("DE",) * 4, *("AU",) * 4, *("FR",) * 3, *("NL",) * 2,
    *("ES",) * 2, *("IT",) * 2, *("IN",) * 3, *("BR",) * 2, "TR", "SE", "IE", "JP",
)  # fmt: skip
"""Where customers live: 64 lots, so six bits of chance draw one."""
CURRENCIES: Final = {"GB": "gbp", **dict.fromkeys(("DE", "FR", "NL", "ES", "IT", "IE"), "eur")}
"""The currency paid in a country; everyone else pays in usd."""
TAX_PER_MILLE: Final = {
    "GB": 200, "DE": 190, "FR": 200, "NL": 210, "ES": 210, "IT": 220, "IE": 230, "SE": 250, "TR": 200,
    "AU": 100, "CA": 50, "IN": 180, "JP": 100,
}  # fmt: skip

PRODUCTS: Final = (
    ("Café Photography Presets", 2999, "Warm tones for small rooms"),
    ("Notion Budget Planner", 1200, "Know where the money goes"),
    ("Watercolour Brush Set", 1900, "64 brushes for the tablet"),
    ("Freelance Contract Kit", 4900, "Twelve templates in plain words"),
    ("Lo-fi Drum Samples, Vol. 2", 2450, "180 one-shots and loops"),
    ("Weeknight Cooking: 40 Recipes", 1499, "Half an hour, one pan"),
    ("React Patterns Workbook", 3900, "Exercises with solutions"),
    ("Fußball Training Plan", 990, "Eight weeks, no gym"),
    ("Icon Pack “Línea”", 3500, "600 icons as SVG"),
    ("Wedding Invitation Suite", 2250, "Ready to print"),
    ("Beginner Piano Course", 9999, "Six hours of video"),
    ("日本語 Flash Cards N5", 799, "800 words with audio"),
    ("Résumé Templates", 1150, "Three layouts, two sizes"),
    ("Podcast Launch Checklist", 0, "Free, with our thanks"),
    ("Guitar Tabs Collection", 1675, "50 songs, tablature and score"),
    ("Minimal Portfolio Theme", 5900, "For photographers and architects"),
    ("Habit Tracker 2026", 500, "A year on one page"),
    ("Data Analysis with Python", 14900, "Course and notebooks"),
    ("Crochet Amigurumi Patterns", 849, "Seven small animals 🧶"),
    ("Landscape LUTs for Video", 2700, "18 looks"),
    ("Social Media Calendar", 1999, "365 ideas for posts"),
    ("Yoga at the Desk", 1350, "Ten short sessions"),
    ("Indie Game Music Pack", 4550, "30 loops, royalty-free"),
    ("Business Plan Workbook", 2500, "From idea to numbers"),
)
"""Name, price in cents and subtitle of every product at the start; one of them is free."""
TYPICAL_ORDERS: Final = (14, 9, 7, 6, 6, 5, 5, 4, 4, 4, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1, 1)
"""How popular the products are, against each other."""

OFFERS: Final = (
    ("Preset Club", 900, "monthly", 7, "New presets every month"),
    ("Studio Membership", 2900, "monthly", 0, "Everything, and a call each month"),
    ("Newsletter Plus, jährlich", 4800, "yearly", 14, "The long version, every Sunday"),
    ("Weekly Sketch Prompts", 300, "weekly", 0, "Seven prompts a week"),
)
"""Name, price in cents, frequency, days of trial and subtitle of every subscription offer."""

REVIEWS: Final = (
    "Exactly what I needed.",
    "Très bien fait, merci !",
    "Good value, though the download took a while.",
    "Saved me a whole weekend.",
    "Solide Arbeit, gerne wieder.",
    "The examples could go deeper.",
    "素晴らしい",
    "Five stars from the whole team ⭐",
    "Not for me, but well made.",
    "Clear, short, useful.",
)
REFUND_REASONS: Final = (
    "Bought twice",
    "Not as described",
    "Asked within 14 days",
    "Wrong file",
    "Gift, déjà vu",
)
