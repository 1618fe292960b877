-- Transactions of a node come in order, each once. An error reply where this one does not.
local function refusal(hi, txn)
  if not hi then
    return redis.error_reply('NOLEASE this node is not registered (any more)')
  end
  if txn > tonumber(hi) + 1 then
    return redis.error_reply('ORDER ' .. hi)
  end
end
