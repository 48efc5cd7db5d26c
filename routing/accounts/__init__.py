"""Account services: requests about accounts and terminals that persons decide.

Read `office` for the way of one request, `machine` for what a case is made of, then a case:
`cancellation`, `deactivation`.  What all cases share stands in a file each: `refusals` (why not),
`people` (who may), `rules` (what holds from when), `steps` (who must act by when), `request`.
"""
