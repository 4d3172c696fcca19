"""Files -> a commented dataset.yml that runs (`cj init`)."""

from cj_helpers.dataset.scaffold.drafting import Draft, Settings, init_dataset

__all__ = ["Draft", "Settings", "init_dataset"]
