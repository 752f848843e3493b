-- Requests for wrk that the command line cannot say. Arguments: distinct ("true": another repository each time),
-- delay (milliseconds that a connection waits before each request).
local distinct, pause, count = false, 0, 0

function init(args)
  distinct = args[1] == "true"
  pause = tonumber(args[2])
  if pause == 0 then delay = nil end
end

function delay()
  return pause
end

function request()
  if not distinct then return wrk.format() end
  count = count + 1
  return wrk.format(nil, (wrk.path:gsub("app", "app" .. count, 1)))
end
