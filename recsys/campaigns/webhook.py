"""Signed webhook with the treated of a campaign: the one of `[notify]`, each page of customers a message."""

from pathlib import Path

from recsys.campaigns.export import TreatedList
from recsys.errors import BadInput
from recsys.jobs.notifications import DeliveryFailed, Notifier


def post_treated(treated: TreatedList, file: Path | None) -> int:
    """Posts every page to the webhook of the settings in a few tries, and returns how many; a page keeps its id.

    Raises BadSettings, and BadInput where no webhook is set or one page does not arrive.
    """
    notifier = Notifier.load(file)
    if "webhook" not in notifier.channels:
        raise BadInput("no webhook is set; set notify.webhook and RECSYS_NOTIFY_SECRET, or export to a file")
    n_pages = 0
    for name, payload in treated.messages():
        try:
            notifier.send_tried("webhook", name, payload, treated.campaign_id)
        except DeliveryFailed as error:
            why = f"page {n_pages + 1} of the webhook did not arrive: {error}"
            raise BadInput(f"{why}; export again: pages that arrived have the same id") from None
        n_pages += 1
    return n_pages
