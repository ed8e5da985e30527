"""From a list or a folder to a plan: whose keys there are, and what is to be done.

Reading (`subscribers`, `scan`), judging (`rules`, `form`), and the plan (`plan`),
which may be kept in a file (`plan_file`) or, if it is long, aside (`spooled`).
"""
