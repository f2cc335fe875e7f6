-- Arguments: method, pipeline depth, body ("" for none). The request is built once and no function of this script runs for a
-- request or a response, so wrk is as fast as without a script.

local format = wrk.format

function init(args)
  local depth = tonumber(args[2])
  wrk.method = args[1]
  if args[3] ~= "" then wrk.body = args[3] end
  wrk.format = function(...) return string.rep(format(...), depth) end
end
