-- Events for wrk to send as a registry does. Arguments: run (part of each event's id, which is never sent twice), service,
-- token, events a request, requests a second, keep ("true": connections stay open; else each request has a new one).
-- Requests are spread evenly, whatever the answers take, as long as there are connections that wait for none.
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long nanoseconds; } moment; int clock_gettime(int clock, moment *at);")

local moment, monotonic = ffi.new("moment"), 1
local run, service, perRequest, interval, headers
local nextAt, count = 0, 0

-- One in a hundred events is a push with ten layers; the rest are pulls by five hundred accounts of 2,000 repositories.
local template = [[{"id":"%s-%d","timestamp":"%s","action":"%s",
  "target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":800,
    "repository":"team-%d/app-%d","tag":"latest","references":%s},
  "request":{"id":"r","addr":"10.0.0.7:1","host":"%s","method":"%s","useragent":"docker/28.2.2"},
  "actor":{"name":"ci:github:acme/app-%d"}}]]

-- Made once: what sends the events shares the processors with what takes them.
local layers, digests = {}, {}

local function digest(kind, number)
  local text = string.format("%s%d", kind, number):gsub(".", function(letter)
    return string.format("%02x", letter:byte())
  end)
  return "sha256:" .. text .. string.rep("0", 64 - #text)
end

local function makeLayers(first)
  local made = {}
  for layer = 0, 9 do
    local of = digest("l", (first + layer) % 3000)
    local form = '{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":%d,"digest":"%s"}'
    table.insert(made, string.format(form, 1000000 + layer, of))
  end
  return "[" .. table.concat(made, ",") .. "]"
end

-- In milliseconds.
local function now()
  ffi.C.clock_gettime(monotonic, moment)
  return tonumber(moment.seconds) * 1000 + tonumber(moment.nanoseconds) / 1e6
end

function init(args)
  run, service = args[1], args[2]
  perRequest, interval = tonumber(args[4]), 1000 / tonumber(args[5])
  headers = {
    ["Authorization"] = "Bearer " .. args[3],
    ["Content-Type"] = "application/vnd.docker.distribution.events.v1+json",
    ["Connection"] = args[6] == "true" and "keep-alive" or "close",
  }
  for first = 0, 2999 do layers[first] = makeLayers(first) end
  for number = 0, 4999 do digests[number] = digest("m", number) end
end

function delay()
  local at = now()
  if nextAt == 0 then nextAt = at end
  nextAt = nextAt + interval
  return math.max(0, nextAt - at)
end

local function event(timestamp)
  count = count + 1
  local action, method = "pull", "GET"
  if count % 100 == 0 then action, method = "push", "PUT" end
  return string.format(template, run, count, timestamp, action, digests[count % 5000], count % 50, count % 2000,
    layers[count % 3000], service, method, count % 500)
end

function request()
  local timestamp, events = os.date("!%Y-%m-%dT%H:%M:%SZ"), {}
  for number = 1, perRequest do events[number] = event(timestamp) end
  return wrk.format("POST", "/registry-events/" .. service, headers, '{"events":[' .. table.concat(events, ",") .. "]}")
end
