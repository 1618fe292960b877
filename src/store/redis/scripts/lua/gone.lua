-- What leaves its inbox in this script: bodies to delete, and how many refs of a shared body.
local bodies_gone, shares_gone = {}, {}
