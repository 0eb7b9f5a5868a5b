-- Asks billing.reserveMail for one mail over and over, each time under a key of its own:
--     wrk -s reserve.lua URL -- <label> <service token> <first company> <last company>
local threads = 0

function setup(thread)
    thread:set("thread_number", threads)
    threads = threads + 1
end

function init(arguments)
    label, first, last = arguments[1], tonumber(arguments[3]), tonumber(arguments[4])
    headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. arguments[2]}
    asked = 0
    math.randomseed(thread_number + 1)
end

function request()
    asked = asked + 1
    local tenant = string.format("00000000-0000-4000-8000-%012d", math.random(first, last))
    local parameters = string.format('{"tenant":"%s","key":"%s-%d-%d","count":1}', tenant, label, thread_number, asked)
    local body = '{"jsonrpc":"2.0","id":1,"method":"billing.reserveMail","params":' .. parameters .. "}"
    return wrk.format("POST", "/rpc", headers, body)
end
