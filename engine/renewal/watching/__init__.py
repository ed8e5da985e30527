"""Watching a campaign: counts, pace and time left, metrics, and the report as files.

Nothing here changes a campaign.  What is read of its store is read by counts and some
rows at a time, so that it costs little while others write, however many keys there are.
"""
