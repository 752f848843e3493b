-- Requests for wrk that the command line cannot say. Arguments: distinct ("true": another repository each time),
-- delay (milliseconds that a connection waits before each request), forms (a file: each line is the body of a POST, in turn).
local distinct, pause, count, forms = false, 0, 0, {}

function init(args)
  distinct = args[1] == "true"
  pause = tonumber(args[2])
  if pause == 0 then delay = nil end
  if args[3] then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
    for line in io.lines(args[3]) do table.insert(forms, line) end
  end
end

function delay()
  return pause
end

function request()
  count = count + 1
  if #forms > 0 then return wrk.format(nil, nil, nil, forms[count % #forms + 1]) end
  if not distinct then return wrk.format() end
  return wrk.format(nil, (wrk.path:gsub("app", "app" .. count, 1)))
end
