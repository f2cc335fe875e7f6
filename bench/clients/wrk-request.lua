-- Arguments: method, pipeline depth, bytes of a body on standard input ("" for none), paths. Of one path the request is built once
-- and no function of this script runs for a request or a response, so wrk is as fast as without a script.

local format = wrk.format

function init(args)
  local depth = tonumber(args[2])
  wrk.method = args[1]
  if args[3] ~= "" then wrk.body = io.read(tonumber(args[3])) end
  wrk.format = function(...) return string.rep(format(...), depth) end
  if #args > 4 then ask_in_turn({ unpack(args, 4) }) end
end

function ask_in_turn(paths)
  local requests, next_request = {}, 0
  for index, path in ipairs(paths) do requests[index] = wrk.format(nil, path) end
  request = function()
    next_request = next_request % #requests + 1
    return requests[next_request]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "figures requests=%d microseconds=%d connect=%d read=%d write=%d timeout=%d status=%d p50=%d p99=%d p999=%d\n",
    summary.requests, summary.duration, errors.connect, errors.read, errors.write, errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
