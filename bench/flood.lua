-- Wrong passwords for wrk to send beside a load: each for another user name and from another address (the bench trusts
-- X-Forwarded-For). Argument: milliseconds that a connection waits before each request.
local pause, count = 0, 0

function init(args)
  pause = tonumber(args[1])
  math.randomseed(os.time())
end

function delay()
  return pause
end

function request()
  count = count + 1
  local headers = {
    ["Content-Type"] = "application/x-www-form-urlencoded",
    ["X-Forwarded-For"] = "10." .. math.random(255) .. "." .. math.random(255) .. "." .. math.random(254),
  }
  local form = "grant_type=password&service=registry.example.com&username=user" .. count .. "&password=guess" .. count
  return wrk.format("POST", "/auth", headers, form)
end
