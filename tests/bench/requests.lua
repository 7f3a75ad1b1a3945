-- The requests of a file, in turn: a method, a path and perhaps a body on each line.
local requests, at = {}, 0
local headers = { ["Content-Type"] = "application/json" }

function init(args)
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  -- Not its timeouts: a connection that was not yet accepted counts as one, however long was allowed.
  local bad = errors.status + errors.connect + errors.read + errors.write
  if bad > 0 then
    io.stderr:write(string.format("status %d, connect %d, read %d, write %d\n",
      errors.status, errors.connect, errors.read, errors.write))
  end
  io.write(string.format('\n{"requests": %d, "seconds": %f, "bad": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, summary.duration / 1e6, bad, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
