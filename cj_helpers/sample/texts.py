"""Words in the feeds that are not touchpoints."""

QUEUES = ("Störung", "Umzug", "Verträge", "Kündigung & Treue", "Allgemeines")
QUEUE_OF = {"outage": 0, "technician": 0, "service": 0, "move": 1, "renewal": 2, "order": 2, "offer": 3}
SHOPS = ("Hamburg", "Köln", "Leipzig", "München", "Wien", "Graz", "Zürich")
TARIFFS = ("basic 50", "plus 100", "max 250", "business 250", "business 1000")

# Eight comments of promoters, eight of passives, eight of detractors.
COMMENTS = (
    "Quick and friendly, thank you!",
    "Technik kam pünktlich, alles läuft.",
    "The app told me what to do, two minutes and done 👍",
    "Best provider I have had so far.",
    "Very helpful on the phone; explained every step.",
    "Sehr zufrieden, gerne wieder.",
    'My colleague said "take Nordnetz", she was right.',
    "Fast line, fair price, clear bill.",
    "All right, nothing special.",
    "Took a while but works now.",
    "Internet gut, Hotline naja.",
    "Good speed, the website could be simpler.",
    "OK.",
    "I had to enter my address twice, otherwise fine.",
    "Preis in Ordnung.",
    "Waited two days for an answer; the answer was good.",
    "Nobody could tell me when the technician comes.",
    "The form did not accept my address on the phone.",
    "Drei Anrufe, drei verschiedene Auskünfte.",
    "The bot sends me in circles 😡",
    "Too expensive, and now a price rise on top.",
    "I gave up.",
    "Schlechter Service; seit einer Woche kein Internet!",
    "Explained my problem four times, to four people.",
)
