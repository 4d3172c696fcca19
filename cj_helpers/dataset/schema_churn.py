"""What dataset.yml says of leaving: the event, what may explain it, and what an exit and a contact cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cj_helpers.dataset.schema_base import Duration, Model, Names

Share = Annotated[float, Field(ge=0, le=1)]


class Churn(Model):
    """What leaving means, which columns and touchpoints may explain it, and what an exit and a contact cost."""

    contractual: bool = True
    event: Literal["end", "notice"] = "end"
    horizon: Duration = timedelta(days=90)
    revenue: str = ""  # a column of customers; without contracts, the amount of a purchase in events
    reason: str = ""
    static: Names = []
    snapshot: Names = []
    purchase: Names = []  # touchpoints that are purchases, without contracts; none: every event is
    inactive_after: Duration = timedelta(days=180)
    price_rise: Names = []  # touchpoints
    complaint_opened: Names = []
    complaint_closed: Names = []
    margin: Share = 1.0  # of revenue
    discount: Share = 0.0  # a year
    contact_cost: float | None = Field(default=None, ge=0)
    save_rate: Share | None = None  # of the leavers contacted, who stay because of it
    quiet_after_contact: Duration = timedelta(days=30)
    hold_out: Share = 0.1  # left alone at random, to measure what contacts do

    @model_validator(mode="after")
    def _fits_together(self) -> Churn:
        if (self.contact_cost is None) != (self.save_rate is None):
            raise ValueError("contact_cost and save_rate belong together; give both or none")
        if self.complaint_closed and not self.complaint_opened:
            raise ValueError("complaint_closed needs complaint_opened; name the touchpoints that open a complaint")
        both = sorted(set(self.static) & set(self.snapshot))
        if both:
            raise ValueError(f"{', '.join(both)} cannot be static and a snapshot; a snapshot never enters a model")
        return self

    @property
    def touchpoints(self) -> dict[str, list[str]]:
        """Touchpoints that the keys name."""
        return {
            "purchase": self.purchase,
            "price_rise": self.price_rise,
            "complaint_opened": self.complaint_opened,
            "complaint_closed": self.complaint_closed,
        }
