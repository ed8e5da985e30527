"""Campaigns over HTTPS: whole ones, later answers, faults, crashes."""

from __future__ import annotations

from renewal.https.conftest import Site


def test_a_campaign_over_https_renews_all_keys(site: Site) -> None:
    for _ in range(3):
        site.office.add()
    with site.office.begin(site.transport()) as campaign:
        report = campaign.run()
    assert report.counts["renewed"] == 3 and report.exit_code == 0, report.rows
    assert site.issued() == 3
